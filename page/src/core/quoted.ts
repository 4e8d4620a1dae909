// Words of others inside a sentence of ours: ledger/quoted.py, as far as a reason needs it.

import { eastAsianWidth } from "get-east-asian-width";

/** Columns of a value that are shown. */
const LIMIT = 320;

const HIDDEN = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]/u;
const NARROW = /[\p{L}\p{N}\p{P}]/u;
/** An escape at the end that was cut in two. */
const CUT = /((?:^|[^\\])(?:\\\\)*)\\(?:|x.?|u.{0,3}|U.{0,7})$/s;
const SHORT: Readonly<Record<string, string>> = { "\t": "\\t", "\n": "\\n", "\r": "\\r" };

/** Return a value of others in one line, between marks that it cannot close, with nothing that steers. */
export function quoted(value: string): string {
  const line = value.replace(/\p{Zs}/gu, " ").replace(/ {2,}/g, " ");
  const shown = Array.from(line, escape).join("").replace(/^ +| +$/g, "");
  const kept = take(shown);
  return kept === shown ? `“${shown}”` : `“${kept.replace(CUT, "$1").replace(/ +$/, "")}”…`;
}

function escape(character: string): string {
  if ("“”\\".includes(character)) return `\\${character}`;
  if (!HIDDEN.test(character)) return character;
  const code = character.codePointAt(0)!;
  if (0xdc80 <= code && code <= 0xdcff) return `\\x${digits(code - 0xdc00, 2)}`; // a byte of a file's name
  if (code < 0x100) return SHORT[character] ?? `\\x${digits(code, 2)}`;
  return code < 0x10000 ? `\\u${digits(code, 4)}` : `\\U${digits(code, 8)}`;
}

function digits(code: number, length: number): string {
  return code.toString(16).padStart(length, "0");
}

/** Return the beginning of a text that fits, where terminals differ by the widest. */
function take(text: string): string {
  let taken = 0;
  let end = 0;
  for (const character of text) {
    taken += columns(character);
    if (taken > LIMIT) return text.slice(0, end);
    end += character.length;
  }
  return text;
}

function columns(character: string): number {
  const code = character.codePointAt(0)!;
  if (code < 0x80) return 1;
  return NARROW.test(character) && eastAsianWidth(code, { ambiguousAsWide: true }) === 1 ? 1 : 2;
}
