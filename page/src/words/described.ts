// What every text of the page is made of: facts, and reasons with their values lifted out.

import { Words, say, tr, type Language } from "./language.ts";
import { inChinese } from "./recognised.ts";

/** A text that somebody else has chosen, as it was chosen; whoever shows it escapes and bounds it. */
export class Quoted {
  constructor(readonly text: string) {}
}

export interface Fact {
  readonly label: string;
  readonly value: Words | Quoted;
  readonly digest?: boolean;
}

export interface Described {
  readonly title: Words;
  readonly status: Words;
  readonly text: Words;
  readonly facts: readonly Fact[];
}

const SHOWN = /“((?:[^“”\\]|\\.)*)”(…?)/gs;
const ESCAPE = /\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8})|(.))/gs;

/** Return why something does not count: the sentence, and the values that it names by number. */
export function reasonFacts(label: Words, reason: string, language: Language): Fact[] {
  const values: string[] = [];
  const sentence = reason.replace(SHOWN, (found) => {
    if (!values.includes(found)) values.push(found);
    return `(${values.indexOf(found) + 1})`;
  });
  const named = values.map((each, n) => ({ label: `(${n + 1})`, value: new Quoted(unquoted(each)) }));
  const told = language === "en" ? sentence : inChinese(sentence);
  const value =
    told === null
      ? tr("This part is damaged or breaks its format ({0}).", language, { 0: new Words(sentence) })
      : new Words(told);
  return [{ label: label.text, value }, ...named];
}

export function why(reason: string, language: Language): Fact[] {
  return reasonFacts(say("reason", language), reason, language);
}

/** Return a hash in hexadecimal digits, null for anything else. */
export function hexadecimal(value: unknown): Words | null {
  return typeof value === "string" && /^[0-9a-f]*$/.test(value) ? new Words(value) : null;
}

function unquoted(shown: string): string {
  const inner = shown.replace(/^“/, "").replace(/…$/, "").replace(/”$/, "");
  return inner.replace(ESCAPE, (_, x?: string, u?: string, long?: string, other?: string) => {
    const digits = x ?? u ?? long;
    if (digits !== undefined) {
      const code = parseInt(digits, 16);
      return code <= 0x10ffff ? String.fromCodePoint(code) : "\ufffd";
    }
    return { n: "\n", r: "\r", t: "\t" }[other!] ?? other!;
  });
}
