// The words of a deposit's cover, field by field: ledger/court/cover.py.

import { Quoted, type Fact } from "./described.ts";
import { Words, thousands, tr, type Language } from "./language.ts";
import messages from "./messages.json";

const MAX_SHOWN = 100;
const FIELDS: Record<string, string | undefined> = messages.tables.cover;

/** Yield each field that is opened, and how many more there are than a page gives. */
export function* coverFacts(fields: Readonly<Record<string, string>>, language: Language): Generator<Fact> {
  const entries = Object.entries(fields);
  for (const [name, value] of entries.slice(0, MAX_SHOWN)) {
    const message = FIELDS[name.replace(/\d+/g, "#")];
    if (message === undefined) {
      yield { label: tr("field without a name here", language).text, value: new Quoted(`${name}: ${value}`) };
      continue;
    }
    const numbers = Object.fromEntries((name.match(/\d+/g) ?? []).map((each, n) => [n, new Words(each)]));
    const label = tr(message, language, numbers).text;
    yield { label, value: value ? new Quoted(value) : tr("nothing was stated", language) };
  }
  if (entries.length > MAX_SHOWN) {
    const more = new Words(thousands(entries.length - MAX_SHOWN));
    yield { label: tr("further fields, see --json", language).text, value: more };
  }
}
