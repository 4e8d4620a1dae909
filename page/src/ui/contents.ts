// What is shown of a deposit, document by document in its order, and where nothing is shown.

import type { Report } from "../core/report.ts";
import { Quoted } from "../words/described.ts";
import { Words, thousands, tr, type Language } from "../words/language.ts";
import { called, contentWords, documentCalled, gapsOf, partWords, positionOf, span, type Opened } from "../words/shown.ts";
import type { Content } from "../worker/protocol.ts";
import { button, el, icon, save, type Child } from "./dom.ts";
import { readingOf, type Readable } from "./reading.ts";
import type { Verifier } from "./verifier.ts";

const PIECE = 4 << 20;
const MAX_ROWS = 2000;

export interface Reader {
  readonly verifier: Verifier;
  readonly result: number;
  readonly deposit: number;
  readonly contents: readonly Content[];
  /** Whether the whole file is good; of others nothing is read. */
  readonly good: boolean;
}

export function contentsView(report: Report, reader: Reader, language: Language): Child {
  const claim = report.claims.find((each) => each.claim === "content");
  if (claim?.status !== "proven") return null;
  const partial = claim.by === "partial-opening";
  const documents = claim.facts["documents"] as Opened[] | { name: string; size: number }[];
  const rows = partial ? partialRows(documents as Opened[], reader, language) : wholeRows(documents as { name: string; size: number }[], reader, language);
  const shown = rows.slice(0, MAX_ROWS);
  return el(
    "section",
    { class: "contents" },
    el("h4", {}, tr("What is shown, and what is not", language)),
    partial ? el("p", {}, contentWords(documents as Opened[], language)) : null,
    reader.good ? null : el("p", {}, tr("It can be read and saved here only where everything that is required of the file is proven, and nothing fails.", language)),
    el("ol", { class: "pieces" }, shown),
    rows.length > shown.length ? el("p", {}, tr("Further pieces are left out here; the JSON holds all.", language)) : null,
    partial ? el("p", { class: "gap" }, tr("Other documents of the deposit, if there are any, are not shown.", language)) : null,
  );
}

function wholeRows(documents: readonly { name: string; size: number }[], reader: Reader, language: Language): HTMLElement[] {
  return documents.map((each, n) => {
    const place = tr("document {0} of {1}", language, { 0: n + 1, 1: documents.length });
    const words = [new Words(`${thousands(each.size)} B · `), tr("shown whole", language)];
    return piece(place, words, each.name, n, reader, language);
  });
}

function partialRows(documents: readonly Opened[], reader: Reader, language: Language): HTMLElement[] {
  const rows: HTMLElement[] = [];
  let content = 0;
  for (const each of documents) {
    rows.push(el("li", { class: "document" }, documentCalled(each.document, language), new Words(" "), called(each.name, language)));
    if (each.whole) {
      rows.push(piece(tr("shown whole", language), [], each.name ?? "", content++, reader, language));
      continue;
    }
    if (!each.parts.length) {
      rows.push(gap(tr("its whole content", language), language));
      continue;
    }
    const gaps = new Map(gapsOf(each));
    const parts = new Map(each.parts.map((part) => [part.first, part]));
    for (const first of [...new Set([...parts.keys(), ...gaps.keys()])].sort((a, b) => Number(a) - Number(b))) {
      const part = parts.get(first);
      if (!part) {
        rows.push(gap(span(first, gaps.get(first) ?? null, language), language));
        continue;
      }
      const words = [partWords(part, language)];
      const name = part.path ?? each.name ?? "";
      rows.push(piece(positionOf(part, language), words, name, content++, reader, language, part.path));
    }
  }
  return rows;
}

function gap(where: Words, language: Language): HTMLElement {
  return el("li", { class: "gap" }, icon("not-shown"), el("span", {}, tr("not shown: {0}", language, { 0: where })));
}

function piece(
  place: Words,
  words: readonly Words[],
  name: string,
  content: number,
  { verifier, result, deposit, contents }: Reader,
  language: Language,
  path: string | null = name || null,
): HTMLElement {
  const held = contents[content];
  const holder = el("div", { class: "reading-room" });
  const row = el("li", { class: "piece" }, el("p", {}, icon("proven"), el("span", {}, place, new Words(" · "), words, path ? [new Words(" "), new Quoted(path)] : null)));
  if (!held) return row;
  const readable: Readable = {
    ...held,
    read: async (offset, size) => (await verifier.ask("bytes", { ask: "read", result, deposit, content, offset, size })).data,
    mail: async () => (await verifier.ask("mail", { ask: "mail", result, deposit, content })).mail,
  };
  const toggle = button(tr("Read", language), () => {
    if (holder.firstChild) {
      holder.replaceChildren();
      toggle.setAttribute("aria-expanded", "false");
      return;
    }
    toggle.setAttribute("aria-expanded", "true");
    holder.append(readingOf(readable, language));
  });
  toggle.setAttribute("aria-expanded", "false");
  row.append(
    el("div", { class: "acts screen" }, toggle, button(tr("Save these bytes", language), () => void saved(name, readable))),
    holder,
  );
  return row;
}

async function saved(name: string, { size, read }: Readable): Promise<void> {
  const parts: BlobPart[] = [];
  for (let offset = 0; offset < size; offset += PIECE) {
    parts.push(new Uint8Array(await read(offset, Math.min(PIECE, size - offset))));
  }
  save(safeName(name), parts);
}

/** Return a name that any file system takes and that looks like what it is. */
function safeName(name: string): string {
  const last = name.split(/[\\/]/).at(-1)!;
  const kept = last.replace(/[^\p{L}\p{N}. _()-]/gu, "_").replace(/^[. ]+|[. ]+$/g, "").slice(-80);
  return kept || "content.bin";
}
