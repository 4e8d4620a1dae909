// What a rendition says of itself: ledger/court/remarks.py.

import { Quoted, type Fact } from "./described.ts";
import { Words, minute, tr, type Language, type Places } from "./language.ts";
import messages from "./messages.json";

export interface Remark {
  what: string;
  count: number;
  names: string[];
  more_names: number;
  first: number | null;
  last: number | null;
}

const SAID = messages.tables.said;
const REMARKS: Record<string, string | undefined> = messages.tables.remarks;

export function* remarksFacts(remarks: readonly Remark[], language: Language): Generator<Fact> {
  for (const [number, remark] of remarks.entries()) {
    const label = number === 0 ? tr(SAID.LABEL, language).text : "";
    const known = REMARKS[remark.what];
    yield { label, value: tr(known ?? SAID.UNKNOWN, language, endings(remark.count)) };
    const names = known === undefined ? [remark.what, ...remark.names] : remark.names;
    for (const each of names) yield { label: "", value: new Quoted(each) };
    const rest = restOf(remark, language);
    if (rest.text) yield { label: "", value: rest };
  }
}

function endings(count: number): Places {
  const one = count === 1;
  const either = (singular: string, plural: string) => new Words(one ? singular : plural);
  return {
    count,
    s: either("", "s"),
    es: either("", "es"),
    ies: either("y", "ies"),
    it: either("it", "they"),
    its: either("its", "their"),
    is_: either("is", "are"),
    s_: either("s", ""),
  };
}

function restOf(remark: Remark, language: Language): Words {
  const said: Words[] = [];
  if (remark.more_names) said.push(tr(SAID.MORE, language, { 0: remark.more_names }));
  if (remark.first !== null && remark.last !== null) {
    const [first, last] = [minute(remark.first), minute(remark.last)];
    const message = first.text === last.text ? SAID.ONCE : SAID.WHEN;
    said.push(tr(message, language, { 0: first, 1: last }));
  }
  return new Words(said.join(tr("clause\x04, ", language).text));
}
