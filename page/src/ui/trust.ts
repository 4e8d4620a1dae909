// First stage: the trust file, and its fingerprint, which a person compares with paper.

import { day, tr, type Language, type Words } from "../words/language.ts";
import { Quoted } from "../words/described.ts";
import type { TrustShown } from "../worker/protocol.ts";
import { announce } from "./announce.ts";
import { button, el, groups, type Child } from "./dom.ts";
import { dropZone } from "./dropping.ts";
import { refusal } from "./refusals.ts";
import { Told, type Verifier } from "./verifier.ts";

const MAX_TRUST = 1 << 20;

/** A trust file whose fingerprint a person has compared with paper. */
export interface Trusted {
  readonly shown: TrustShown;
  readonly data: Uint8Array;
}

export class TrustStage {
  /** The trust that counts: none before a person has confirmed its fingerprint. */
  confirmed: Trusted | null = null;
  #read: Trusted | null = null;
  #problem: ((language: Language) => Child[]) | null = null;
  #language: Language = "en";
  #section = el("section", { class: "stage", "aria-labelledby": "stage-trust" });

  constructor(
    private readonly verifier: Verifier,
    private readonly changed: () => void,
  ) {}

  draw(language: Language): HTMLElement {
    this.#language = language;
    const title = el("h2", { id: "stage-trust", tabindex: "-1" }, tr("1. The trust file", language));
    this.#section.replaceChildren(title, ...this.#body(language));
    return this.#section;
  }

  #body(language: Language): HTMLElement[] {
    if (this.confirmed) return this.#settled(this.confirmed.shown, language);
    if (this.#read) return this.#comparing(this.#read, language);
    const zone = dropZone(
      tr("Choose the trust file, or drop it here", language),
      tr("Choose a file", language),
      { id: "trust-file", multiple: false },
      (files) => void this.#open(files),
    );
    return [
      el("p", {}, tr("It holds the keys of the notary office, by which everything else is judged. Get it from the office itself, never from a party to the case; one that comes with the evidence proves nothing.", language)),
      zone,
      ...(this.#problem ? [el("div", { class: "refused", role: "alert" }, ...this.#problem(language))] : []),
    ];
  }

  #comparing(read: Trusted, language: Language): HTMLElement[] {
    const trust = read.shown;
    return [
      el("p", { class: "question" }, tr("Is this the fingerprint on the paper that the notary office gave you?", language)),
      el("p", { class: "fingerprint" }, groups(trust.fingerprint, "large")),
      this.#about(trust, language),
      el(
        "div",
        { class: "acts" },
        button(tr("Yes, all eight groups are the same", language), () => this.#confirm(read), "first"),
        button(tr("No, or there is no paper", language), () => this.#refuse()),
      ),
    ];
  }

  #settled(trust: TrustShown, language: Language): HTMLElement[] {
    return [
      el("p", {}, tr("The fingerprint was compared with paper by the person at this machine.", language)),
      el("p", {}, groups(trust.fingerprint)),
      this.#about(trust, language),
      el("div", { class: "acts" }, button(tr("Use another trust file", language), () => this.#reset(null), "screen")),
    ];
  }

  #about(trust: TrustShown, language: Language): HTMLElement {
    const row = (label: Words, value: Child) => [el("dt", {}, label), el("dd", {}, value)];
    return el(
      "dl",
      { class: "facts" },
      ...row(tr("names itself the trust file of", language), new Quoted(trust.issuer)),
      ...row(tr("for the ledger", language), new Quoted(trust.origin)),
      ...row(tr("trust file\x04issued", language), day(trust.issued)),
    );
  }

  async #open(files: readonly File[]): Promise<void> {
    const file = files[0];
    if (files.length !== 1 || !file || file.size > MAX_TRUST) {
      this.#fail((language) => [tr("A trust file is one small text file, named by the office; this is something else.", language)]);
      return;
    }
    try {
      const data = new Uint8Array(await file.arrayBuffer());
      this.#read = { data, shown: (await this.verifier.ask("trust", { ask: "trust", data })).trust };
      this.#problem = null;
      this.#redraw();
      announce(tr("Compare the fingerprint with paper.", this.#language));
    } catch (error) {
      const told = error instanceof Told ? error : new Told("error", String(error));
      this.#fail((language) => [
        el("p", {}, tr("This is no trust file, or it is damaged. Ask the notary office for it again.", language)),
        ...refusal(told, language),
      ]);
    }
  }

  #confirm(trust: Trusted): void {
    this.confirmed = trust;
    this.#redraw();
    this.changed();
    announce(tr("The trust file counts. Now add what is to be verified.", this.#language));
  }

  #refuse(): void {
    this.#reset((language) => [
      tr("This trust file is not used. Ask the notary office for its fingerprint, on paper or over a telephone number that you know, and compare again.", language),
    ]);
  }

  #reset(problem: ((language: Language) => Child[]) | null): void {
    this.confirmed = this.#read = null;
    this.#problem = problem;
    this.#redraw();
    this.changed();
  }

  #fail(problem: (language: Language) => Child[]): void {
    this.#read = null;
    this.#problem = problem;
    this.#redraw();
  }

  #redraw(): void {
    this.draw(this.#language);
    this.#section.querySelector<HTMLElement>("h2")?.focus();
  }
}
