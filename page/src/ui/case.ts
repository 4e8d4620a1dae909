// One file that is verified: its steps as they run, then what they have shown.

import { thousands, tr, Words, type Language } from "../words/language.ts";
import { Quoted } from "../words/described.ts";
import type { Doubts } from "../core/timestamp/authority.ts";
import type { Doing, Progress, Result } from "../worker/protocol.ts";
import { announce } from "./announce.ts";
import { append, el, icon, type Child } from "./dom.ts";
import { refusal } from "./refusals.ts";
import { resultView } from "./result.ts";
import { Steps } from "./steps.ts";
import type { Trusted } from "./trust.ts";
import { Told, type Verifier } from "./verifier.ts";

export interface Given {
  readonly file: File;
  readonly record: File | null;
  readonly inspections: File | null;
  readonly others: readonly File[];
  /** POSIX seconds. */
  readonly at: number;
  readonly doubts: Doubts;
  readonly identity: File | null;
}

export class Case {
  #language: Language = "en";
  #steps: Steps[] = [];
  #goingOn: GoingOn | null = null;
  #result: Result | null = null;
  #told: Told | null = null;
  #busy = false;
  /** The deposit whose steps the next frame draws. */
  #live: number | null = null;
  #identity: Uint8Array | null = null;
  readonly #article = el("article", { class: "case" });

  constructor(
    readonly verifier: Verifier,
    readonly trusted: Trusted,
    readonly page: string,
    readonly given: Given,
  ) {}

  draw(language: Language): HTMLElement {
    if (language !== this.#language || !this.#article.firstChild) {
      this.#language = language;
      this.#redraw();
    }
    return this.#article;
  }

  #redraw(): void {
    this.#article.replaceChildren();
    append(this.#article, this.#body(this.#language));
  }

  /** Verify the file, showing each step; a sealed one asks for its identity. */
  async run(passphrase: string | null = null): Promise<void> {
    this.#steps = [new Steps()];
    this.#goingOn = null;
    this.#told = null;
    this.#busy = true;
    this.#redraw();
    try {
      if (this.given.identity) this.#identity ??= new Uint8Array(await this.given.identity.arrayBuffer());
      const { file, record, inspections, others, at, doubts } = this.given;
      const asked = { file, record, inspections, others, at, doubts, trust: this.trusted.data, identity: this.#identity, passphrase };
      const answer = await this.verifier.ask("result", { ask: "verify", asked }, (each) => this.#progress(each));
      this.#result = answer.result;
      for (const each of this.#steps) each.end();
      const good = answer.result.verdict.good;
      announce(good ? tr("Verified. The report stands below.", this.#language) : tr("Not everything holds or is shown. The report stands below.", this.#language));
    } catch (error) {
      this.#told = error instanceof Told ? error : new Told("error", String(error));
      if (!SEALED.includes(this.#told.code)) announce(tr("This file cannot be used.", this.#language));
    } finally {
      this.#busy = false;
      this.#redraw();
    }
  }

  #progress(progress: Progress): void {
    if ("doing" in progress) {
      this.#goingOn = progress;
      this.#article.querySelector("p.reading")?.replaceWith(this.#reading(this.#language));
      return;
    }
    const { deposit, step, status } = progress;
    this.#steps[deposit] ??= new Steps();
    this.#steps[deposit].told(step, status);
    if (deposit < MAX_LIVE) this.#drawSteps(deposit);
  }

  /** Draw the steps in the next frame, however many are told until then. */
  #drawSteps(deposit: number): void {
    const drawn = this.#live !== null;
    this.#live = deposit;
    if (drawn) return;
    requestAnimationFrame(() => {
      const steps = this.#steps[this.#live!]!;
      this.#live = null;
      if (this.#busy) this.#article.querySelector(".steps")?.replaceWith(steps.draw(this.#language));
    });
  }

  #body(language: Language): Child[] {
    if (this.#result) {
      const { given, trusted, page } = this;
      return [resultView(this.#result, { given, trusted, page, steps: this.#steps }, this.verifier, language)];
    }
    const head = el("h3", {}, new Quoted(this.given.file.name));
    if (this.#told && SEALED.includes(this.#told.code)) return [head, ...this.#sealed(this.#told, language)];
    if (this.#told) {
      return [
        head,
        el("div", { class: "headline failed" }, icon("failed"), el("p", {}, tr("This file cannot be used: it is no receipt and no evidence file, or it is incomplete or damaged. Ask for a new copy of it.", language))),
        refusal(this.#told, language),
      ];
    }
    return [head, this.#reading(language), (this.#steps.at(-1) ?? new Steps()).draw(language)];
  }

  /** Return what is being done, and how far that is. */
  #reading(language: Language): HTMLElement {
    const bar = el("progress", { "aria-label": tr("How far this is", language).text });
    const { doing, done, of } = this.#goingOn ?? { doing: null, done: 0, of: 0 };
    if (doing === null) return el("p", { class: "reading" }, bar, el("span", {}, tr("The file is read …", language)));
    bar.max = of || 1;
    bar.value = done;
    const count = `${thousands(done)} / ${thousands(of)}${doing === "comparing" ? "" : " B"}`;
    return el("p", { class: "reading" }, bar, el("span", {}, DOING[doing](language), new Words(` · ${count}`)));
  }

  #sealed(told: Told, language: Language): Child[] {
    const identity = el("textarea", { id: "identity", rows: "3", spellcheck: "false", autocomplete: "off", autocapitalize: "off" });
    const chosen = el("input", { type: "file", id: "identity-file" });
    const passphrase = el("input", { type: "password", id: "passphrase", autocomplete: "off" });
    const open = async () => {
      const file = chosen.files?.[0];
      if (file) this.#identity = new Uint8Array(await file.arrayBuffer());
      else if (identity.value.trim()) this.#identity = new TextEncoder().encode(identity.value);
      await this.run(passphrase.value || null);
    };
    const form = el(
      "form",
      { class: "sealed screen", submit: (event) => {
        event.preventDefault();
        void open();
      } },
      el("p", {}, tr("This file is sealed for its reader (an age file). It is opened here, with the identity that it was sealed for, or its passphrase; neither leaves this page.", language)),
      told.code === "sealed" ? null : el("div", { class: "refused", role: "alert" }, el("p", {}, WRONG[told.code]?.(language) ?? tr("The file could not be opened.", language))),
      el("p", {}, el("label", { for: "identity-file" }, tr("Identity file", language)), chosen),
      el("p", {}, el("label", { for: "identity" }, tr("or its text, AGE-SECRET-KEY-…", language)), identity),
      el("p", {}, el("label", { for: "passphrase" }, tr("Passphrase, of the identity file or of the evidence file, where there is one", language)), passphrase),
      el("div", { class: "acts" }, el("button", { type: "submit", class: "first", disabled: this.#busy }, tr("Open and verify", language))),
    );
    return [form];
  }
}

type GoingOn = Extract<Progress, { doing: Doing }>;

const DOING: Record<Doing, (language: Language) => Words> = {
  unsealing: (language) => tr("The sealed file is opened", language),
  record: (language) => tr("The file is hashed for its evidence record", language),
  content: (language) => tr("The content is hashed, and compared with the commitment in the ledger", language),
  checksums: (language) => tr("It is checked that other programs read the same content", language),
  hashing: (language) => tr("SHA-256 of the file is computed, for the report", language),
  comparing: (language) => tr("The documents that were added are compared", language),
};

/** Deposits of a file whose steps are drawn as they run; of more it would cost longer than they do. */
const MAX_LIVE = 20;

const SEALED = ["sealed", "no-matching-identity", "wrong-passphrase", "no-identity"];

const WRONG: Record<string, ((language: Language) => Words) | undefined> = {
  "no-matching-identity": (language) => tr("This identity does not open the file: it was sealed for another.", language),
  "wrong-passphrase": (language) => tr("The passphrase is not the right one, or one is needed: the identity file may be locked with it.", language),
  "no-identity": (language) => tr("This is no identity: it is a file that age-keygen wrote, or a line AGE-SECRET-KEY-… in it.", language),
};
