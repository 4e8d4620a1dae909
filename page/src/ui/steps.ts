// The numbered steps of a verification, as ledger/verify.py numbers them.

import type { Status } from "../core/report.ts";
import { tr, type Language, type Words } from "../words/language.ts";
import { el, icon } from "./dom.ts";

export const STEPS: readonly ((language: Language) => Words)[] = [
  (language) => tr("The receipt is read; it is written in exactly the form of the specification", language),
  (language) => tr("What was signed is a deposit made for the trusted ledger", language),
  (language) => tr("The notary has signed the ledger's state with keys of the trust file", language),
  (language) => tr("The deposit is an entry of the ledger in this state", language),
  (language) => tr("The block record is the notary's, and the deposit lies in its block", language),
  (language) => tr("The notary had entered the account's key before", language),
  (language) => tr("This key has signed the deposit", language),
  (language) => tr("The identity record is the one that was entered", language),
  (language) => tr("The notary's seal holds for the same entry", language),
  (language) => tr("Timestamps of trusted authorities hold, and bound the time", language),
  (language) => tr("The content shown gives the commitment that was deposited", language),
  (language) => tr("The inspection record is the office's, and about this deposit", language),
];

export function stepWords(step: number, language: Language): Words {
  return STEPS[step - 1]!(language);
}

type State = "waiting" | "holds" | "failed" | "nothing";

const WORDS: Record<State, (language: Language) => Words> = {
  waiting: (language) => tr("step\x04waiting", language),
  holds: (language) => tr("step\x04holds", language),
  failed: (language) => tr("step\x04does not hold", language),
  nothing: (language) => tr("step\x04nothing to check", language),
};

const DRAWN = { waiting: "waiting", holds: "proven", failed: "failed", nothing: "not-shown" } as const;

/** The steps of one deposit, and what each has come to so far. */
export class Steps {
  readonly #states: State[] = STEPS.map(() => "waiting");

  /** Take what a step has come to. Those that come before it without a claim of their own hold, too. */
  told(step: number, status: Status): void {
    for (const before of BEFORE[step] ?? []) {
      if (this.#states[before - 1] === "waiting") this.#states[before - 1] = "holds";
    }
    if (status === "failed") this.#states[step - 1] = "failed";
    else if (status !== "not-shown" && this.#states[step - 1] !== "failed") this.#states[step - 1] = "holds";
  }

  end(): void {
    for (const [n, state] of this.#states.entries()) {
      if (state === "waiting") this.#states[n] = "nothing";
    }
  }

  /** The first step that failed, from 1. */
  get failed(): number | null {
    const found = this.#states.indexOf("failed");
    return found < 0 ? null : found + 1;
  }

  draw(language: Language): HTMLElement {
    return el("ol", { class: "steps" }, STEPS.map((words, n) => {
      const state = this.#states[n]!;
      return el("li", { class: state }, icon(DRAWN[state]), el("span", {}, words(language)), el("span", { class: "word" }, WORDS[state](language)));
    }));
  }
}

/** Steps that hold once a later one has said anything. */
const BEFORE: Readonly<Record<number, readonly number[]>> = {
  2: [1], 3: [1, 2], 4: [1, 2, 3], 7: [6],
};
