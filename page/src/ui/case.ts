// One file that is verified: its steps as they run, then what they have shown.

import { thousands, tr, type Language, type Words } from "../words/language.ts";
import { Quoted } from "../words/described.ts";
import type { Progress, Result } from "../worker/protocol.ts";
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
  readonly identity: File | null;
}

export class Case {
  #language: Language = "en";
  #steps: Steps[] = [];
  #read: { read: number; of: number } | null = null;
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
    this.#read = null;
    this.#told = null;
    this.#busy = true;
    this.#redraw();
    try {
      if (this.given.identity) this.#identity ??= new Uint8Array(await this.given.identity.arrayBuffer());
      const { file, record, inspections, others, at } = this.given;
      const asked = { file, record, inspections, others, at, trust: this.trusted.data, identity: this.#identity, passphrase };
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
    if ("read" in progress) {
      this.#read = progress;
      const bar = this.#article.querySelector("progress");
      if (bar) {
        bar.max = progress.of || 1;
        bar.value = progress.read;
        bar.nextElementSibling!.textContent = `${thousands(progress.read)} / ${thousands(progress.of)} B`;
      }
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
    if (this.#told?.code === "no-inspection") {
      return [
        head,
        el("div", { class: "headline failed" }, icon("failed"), el("p", {}, tr("The file beside it is no inspection record, or it is damaged: ask the office for it again, or leave it away.", language))),
        el("p", {}, new Quoted(this.given.inspections!.name)),
        refusal(this.#told, language),
      ];
    }
    if (this.#told) {
      return [
        head,
        el("div", { class: "headline failed" }, icon("failed"), el("p", {}, tr("This file cannot be used: it is no receipt and no evidence file, or it is incomplete or damaged. Ask for a new copy of it.", language))),
        refusal(this.#told, language),
      ];
    }
    const bar = el("progress", { "aria-label": tr("How much of the file is read", language).text });
    if (this.#read) {
      bar.max = this.#read.of || 1;
      bar.value = this.#read.read;
    }
    return [head, el("p", { class: "reading" }, bar, el("span", {})), (this.#steps.at(-1) ?? new Steps()).draw(language)];
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

/** Deposits of a file whose steps are drawn as they run; of more it would cost longer than they do. */
const MAX_LIVE = 20;

const SEALED = ["sealed", "no-matching-identity", "wrong-passphrase", "no-identity"];

const WRONG: Record<string, ((language: Language) => Words) | undefined> = {
  "no-matching-identity": (language) => tr("This identity does not open the file: it was sealed for another.", language),
  "wrong-passphrase": (language) => tr("The passphrase is not the right one, or one is needed: the identity file may be locked with it.", language),
  "no-identity": (language) => tr("This is no identity: it is a file that age-keygen wrote, or a line AGE-SECRET-KEY-… in it.", language),
};
