// Why something cannot be used: the core's sentence, its values lifted out, behind a plain one of ours.

import { why } from "../words/described.ts";
import type { Language } from "../words/language.ts";
import { el, type Child } from "./dom.ts";
import type { Told } from "./verifier.ts";

export function refusal(told: Told, language: Language): Child[] {
  if (!told.message) return [];
  return [factsOf(why(told.message, language))];
}

/** Return facts as a list of labels and values; one without a label belongs to the one before. */
export function factsOf(facts: readonly { label: string; value: Child; digest?: boolean }[]): HTMLElement {
  const list = el("dl", { class: "facts" });
  for (const each of facts) {
    if (each.label || !list.lastElementChild) {
      const label = el("dt");
      label.textContent = each.label;
      list.append(label);
    }
    list.append(el("dd", {}, each.value));
  }
  return list;
}
