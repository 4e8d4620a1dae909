// What a rendition says of itself: ledger/evidence/remarks.py.

import { utf8, type Int } from "../bytes.ts";
import { isCount, type Cbor } from "../cbor.ts";
import type { Facts } from "../report.ts";

const MAX_REMARKS = 64;
const MAX_NAMES = 8;
const MAX_NAME = 160;

const WORD = /^[a-z]{1,24}(?:-[a-z]{1,24}){0,4}$/;
/** The years that a date can have, 1 to 9999, in POSIX seconds. */
const FIRST = -62_135_596_800, LAST = 253_402_300_799;

/** `what` (a word of the list), `count` times; names, how many more, and first and last time. */
export type Remark = readonly [what: string, count: Int, names: string[], more: Int, when: [Int, Int] | null];

/** Return whether a rendition may state these: each word once. */
export function areRemarks(values: Cbor): values is Remark[] & Cbor {
  return (
    Array.isArray(values) &&
    values.length <= MAX_REMARKS &&
    values.every(isRemark) &&
    new Set(values.map((each) => (each as Cbor[])[0])).size === values.length
  );
}

/** Return a remark by name, for a machine; times in POSIX seconds. */
export function remarkFacts([what, count, names, more, when]: Remark): Facts {
  const [first, last] = when ?? [null, null];
  return { what, count, names, more_names: more, first, last };
}

function isRemark(value: Cbor): boolean {
  if (!Array.isArray(value) || value.length !== 5) return false;
  const [what, count, names, more, when] = value;
  return (
    typeof what === "string" && WORD.test(what) &&
    isCount(count) && count > 0 &&
    Array.isArray(names) && names.length <= MAX_NAMES && names.every(isName) && new Set(names).size === names.length &&
    isCount(more) && (more === 0 || names.length === MAX_NAMES) &&
    (when === null || isWhen(when))
  );
}

function isName(value: Cbor): boolean {
  return typeof value === "string" && value !== "" && value.length <= MAX_NAME && utf8(value).length <= MAX_NAME;
}

function isWhen(value: Cbor | undefined): boolean {
  if (!Array.isArray(value) || value.length !== 2) return false;
  const [first, last] = value;
  return typeof first === "number" && typeof last === "number" && FIRST <= first && first <= last && last <= LAST;
}
