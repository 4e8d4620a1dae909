// The words of a partial opening: what is shown of each document, where it stands, where gaps are:
// ledger/court/shown.py. Counts and fields are as stated by the depositor's software at sealing.

import { Quoted, type Fact } from "./described.ts";
import { Words, thousands, tr, utc, type Language, type Places } from "./language.ts";
import messages from "./messages.json";
import { partsOf, valuesOf } from "./recognised.ts";
import { remarksFacts, type Remark } from "./remarks.ts";

export interface Made {
  kind: string;
  position: number;
  total: number;
  of: number;
  tool?: string | null;
  remarks: Remark[];
}

export interface Part {
  path: string | null;
  position: number | null;
  total: number | null;
  first: number;
  count: number;
  size: number;
  offset: number | null;
}

/** A document of a content claim that is proven by a partial opening. */
export interface Opened {
  document: number;
  name: string | null;
  whole: boolean;
  size: number | null;
  fields: Record<string, unknown>;
  rendition: Made | null;
  pieces: number | null;
  parts: Part[];
}

const T = messages.tables.opened;
const NOTICES: readonly string[] = messages.tables.notices;
const NUMBER = "([0-9]{1,3}(?:,[0-9]{3}){0,6}|[0-9]{1,19})";
const DEEPEST = 8;
const NAMED = /^[0-9a-z._-]{1,20}$/;

/** Yield first and last of each gap in a document, last null where it is not stated how far. */
export function* gapsOf(document: Opened): Generator<[number, number | null]> {
  if (document.whole) return;
  let next = 1;
  for (const part of document.parts) {
    if (part.first > next) yield [next, part.first - 1];
    next = part.first + part.count;
  }
  if (document.pieces === null) yield [next, null];
  else if (document.pieces >= next) yield [next, document.pieces];
}

export function contentWords(documents: readonly Opened[], language: Language): Words {
  const shown = documents.some((each) => each.whole || each.parts.length > 0);
  return tr(shown ? T.PARTIAL : T.FIELDS_ONLY, language);
}

/** Yield what is shown of each document, its gaps, and the fields that are opened. */
export function* contentFacts(documents: readonly Opened[], language: Language): Generator<Fact> {
  for (const each of documents) {
    yield { label: documentCalled(each.document, language).text, value: called(each.name, language) };
    if (each.whole) yield { label: "", value: tr(T.WHOLE, language, { 0: each.size ?? 0 }) };
    for (const part of each.parts) {
      const label = positionOf(part, language).text;
      const words = partWords(part, language);
      if (part.path === null) {
        yield { label, value: words };
        continue;
      }
      yield { label, value: new Quoted(part.path) };
      const pieces = span(part.first, part.first + part.count - 1, language);
      yield { label: "", value: new Words(`${words} · ${pieces}`) };
    }
    if (!each.whole) yield { label: tr(T.GAP, language).text, value: gapsInWords(each, language) };
    if (each.rendition !== null) {
      const tool = each.fields["tool"] as string | null | undefined;
      yield* madeFacts({ ...each.rendition, tool: tool ?? null }, language);
      yield { label: "", value: tr(T.MATCH, language) };
    }
    for (const [name, value] of Object.entries(each.fields)) yield* field(name, value, language);
  }
}

function* field(name: string, value: unknown, language: Language): Generator<Fact> {
  const called = tr((messages.tables.fields as Record<string, string>)[name]!, language);
  const label = tr(T.STATED, language, { field: called }).text;
  if (name === "unsplit" && value) {
    const lines = String(value).split("; ").filter(Boolean);
    for (const [n, line] of lines.entries()) yield { label: n ? "" : label, value: notice(line, language) };
  } else {
    yield { label, value: fieldValue(name, value, language) };
  }
}

function notice(line: string, language: Language): Words | Quoted {
  for (const message of NOTICES) {
    const pattern = message.replace(/[.*+?^$()|[\]\\]/g, "\\$&").replace(/\{\d\}/g, NUMBER);
    const found = new RegExp(`^${pattern}$`).exec(line);
    if (!found) continue;
    const said = tr(message, language, placesOf(found.slice(1))).text;
    const reason = new Words(language === "zh" ? said : said.charAt(0).toUpperCase() + said.slice(1));
    return tr("{reason}.", language, { reason });
  }
  return new Quoted(line);
}

function placesOf(values: readonly string[]): Places {
  return Object.fromEntries(values.map((each, n) => [n, new Words(each)]));
}

function fieldValue(name: string, value: unknown, language: Language): Words | Quoted {
  if (name === "modified" && typeof value === "number") return utc(value);
  if (typeof value === "number") return new Words(`${thousands(value)} B`);
  if (value === null || value === undefined || value === "") return tr(T.NOTHING, language);
  return new Quoted(String(value));
}

/** Yield which page or text of which document a rendition shows, by what it was made, what it says. */
export function* madeFacts(made: Made, language: Language): Generator<Fact> {
  const known = (messages.tables.kinds as Record<string, string | undefined>)[made.kind];
  const kind = tr(known ?? T.OTHER_KIND, language);
  const places = { kind, position: made.position, total: made.total, of: made.of };
  yield { label: tr(T.RENDITION, language).text, value: tr(T.MADE, language, places) };
  if (known === undefined) yield { label: tr(T.KIND, language).text, value: new Quoted(made.kind) };
  const tool = made.tool ? new Quoted(made.tool) : tr(T.SOME_TOOL, language);
  yield { label: tr(T.TOOL, language).text, value: tool };
  yield* remarksFacts(made.remarks, language);
}

export function documentCalled(number: number, language: Language): Words {
  return tr("document {0}", language, { 0: number });
}

/** Return what a document is called, where that is opened. */
export function called(name: string | null, language: Language): Quoted | Words {
  return name ? new Quoted(name) : tr("name not opened", language);
}

/** Return where a part stands: among the parts, or its pieces. */
export function positionOf(part: Part, language: Language): Words {
  if (part.position !== null) {
    return tr("part {0:,} of {1:,}", language, { 0: part.position, 1: part.total ?? 0 });
  }
  return span(part.first, part.first + part.count - 1, language);
}

/** Return a run of pieces in words. */
export function span(first: number, last: number | null, language: Language): Words {
  if (last === null) return tr("from piece {0:,} on, if there are more", language, { 0: first });
  if (first === last) return tr("piece {0:,}", language, { 0: first });
  return tr("pieces {0:,} to {1:,}", language, { 0: first, 1: last });
}

/** Which pieces of a document an officer has seen, and of how many where that was opened. */
export interface Seen {
  document: number;
  runs: [number, number][];
  pieces: number | null;
}

export function seenWords({ runs, pieces }: Seen, language: Language): Words {
  const spans = runs.map(([first, count]) => span(first, first + count - 1, language).text);
  const text = new Words(listed(spans, language));
  if (pieces === null) return text;
  if (!runs.length || (runs.length === 1 && runs[0]![0] === 1 && runs[0]![1] === pieces)) return tr("whole", language);
  return tr("{0}, of {1:,}", language, { 0: text, 1: pieces });
}

/** Return a part's size, or where it begins; for a Chinese reader what its path means goes first. */
export function partWords(part: Part, language: Language): Words {
  const size = new Words(`${thousands(part.size)} B`);
  if (part.path !== null) {
    const meaning = language === "zh" ? pathMeaning(part.path) : "";
    return meaning ? new Words(`${meaning} · ${size}`) : size;
  }
  if (part.offset === null) return size;
  return tr("{0} · from byte {1:,} on", language, { 0: size, 1: part.offset });
}

/** Return which pieces of a document are not shown. */
export function gapsInWords(document: Opened, language: Language): Words {
  if (!document.parts.length) return tr("its whole content", language);
  const gaps = [...gapsOf(document)];
  const closed = gaps.filter(([, last]) => last !== null).map(([first, last]) => range(first, last!, language));
  const words: Words[] = [];
  if (closed.length) {
    const head = listed(closed.slice(0, -1), language);
    const tail = closed.at(-1)!;
    const text = head ? `${head}${tr(" and ", language)}${tail}` : tail;
    const one = closed.length === 1 && closed[0] === thousands(gaps[0]![0]);
    const message = one ? tr("piece {0}", language, { 0: new Words(text) }) : null;
    words.push(message ?? tr("pieces {0}", language, { 0: new Words(text) }));
  }
  for (const [first, last] of gaps) if (last === null) words.push(span(first, last, language));
  if (!words.length) return tr("nothing: every piece is shown", language);
  const text = new Words(words.join(tr("; ", language).text));
  return document.pieces === null ? text : tr("{0}, of {1:,}", language, { 0: text, 1: document.pieces });
}

function listed(words: readonly string[], language: Language): string {
  return words.join(tr(", ", language).text);
}

function range(first: number, last: number, language: Language): string {
  if (first === last) return thousands(first);
  return tr("{0:,} to {1:,}", language, { 0: first, 1: last }).text;
}

/** Return what a part's path means, for a Chinese reader: only what is known, and no name. */
function pathMeaning(path: string): string {
  // Only an archive's member brings a name of its own, which may hold slashes and stands last.
  const end = path.indexOf(": ");
  const places = end < 0 ? path : path.slice(0, end);
  const found: string[] = [];
  for (const component of places.split(/\/|, /).slice(0, DEEPEST)) {
    for (const message of messages.tables.components as readonly string[]) {
      const values = valuesOf(partsOf(message.slice(message.indexOf("\x04") + 1)).texts, component);
      if (values?.every((each) => NAMED.test(each))) found.push(tr(message, "zh", placesOf(values)).text);
    }
  }
  return found.join("，");
}
