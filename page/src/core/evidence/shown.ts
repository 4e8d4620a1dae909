// What a file that holds shows of each deposit, for reading: documents, the parts opened of them, and the gaps.
//
// Nothing here is proven beyond the report: names, paths and counts are as stated by the depositor's software.

import { int, type Int } from "../bytes.ts";
import { isManifest } from "./file.ts";
import type { Manifest } from "./manifest.ts";
import { documentPieces, isPart, isWhole, openedHeader, placed, placeOf, type PartialOpening } from "./partial/views.ts";

/** How content is shown: by what the opening calls it, never by what it is found to be. */
export type Kind = "text" | "mail" | "pdf" | "other";

/** Content that was verified: `content` is its number in the deposit, for `FileResult.read`. */
export interface ShownPart {
  readonly content: number;
  readonly kind: Kind;
  /** Whether it is a whole document. */
  readonly whole: boolean;
  /** What the structure view calls it, null for a whole document and where that is hidden. */
  readonly path: string | null;
  /** Part `position` of `total`, null where that is not said. */
  readonly position: Int | null;
  readonly total: Int | null;
  /** Its pieces: `count` from `first` (from 1) on. */
  readonly first: Int;
  readonly count: Int;
  readonly size: number;
  /** Where it begins in its document, null where that is hidden. */
  readonly offset: Int | null;
}

/** A document of which something is shown. `name` and `pieces` are null where they are not opened. */
export interface ShownDocument {
  /** From 1. */
  readonly document: number;
  readonly name: string | null;
  readonly mediaType: string | null;
  readonly whole: boolean;
  readonly rendition: boolean;
  /** How many pieces it was cut into. */
  readonly pieces: Int | null;
  readonly parts: readonly ShownPart[];
  /** First and last of the pieces that are not shown, last null where it is not said how far. */
  readonly gaps: readonly (readonly [Int, Int | null])[];
}

/** Return what a verified opening shows. */
export function shownOf(opening: Manifest | PartialOpening): ShownDocument[] {
  return isManifest(opening) ? wholeDocuments(opening) : partialDocuments(opening);
}

function wholeDocuments(opening: Manifest): ShownDocument[] {
  return opening.documents.map(({ name, mediaType, size, leaves, rendition }, content) => ({
    document: content + 1,
    name,
    mediaType,
    whole: true,
    rendition: rendition !== null,
    pieces: leaves,
    parts: [wholePart(content, kindOf(name, mediaType, null), leaves, size)],
    gaps: [],
  }));
}

function partialDocuments(opening: PartialOpening): ShownDocument[] {
  let content = 0;
  return opening.documents.map((each) => {
    const name = (each.fields.get("name") as string | undefined) ?? null;
    const mediaType = (each.fields.get("media-type") as string | undefined) ?? null;
    const whole = isWhole(each.content);
    const positions = placed(each, ([position]) => position);
    const total = openedHeader(each.structure)?.count ?? null;
    const parts = documentPieces(each).map(({ path, first, count, size, offset }): ShownPart => {
      const kind = kindOf(name, mediaType, path);
      if (whole) return wholePart(content++, kind, count, size);
      const position = positions.get(placeOf(first, count)) ?? null;
      return { content: content++, kind, whole, path, position, total, first, count, size: Number(size), offset };
    });
    const pieces = isWhole(each.content) ? each.content.cuts.count : (openedHeader(each.content)?.count ?? null);
    const gaps = whole ? [] : [...gapsOf(parts, isPart(each.content) ? pieces : null)];
    return {
      document: each.document + 1, name, mediaType, whole, rendition: each.fields.has("rendition"), pieces, parts, gaps,
    };
  });
}

function wholePart(content: number, kind: Kind, count: Int, size: Int): ShownPart {
  const place = { path: null, position: null, total: null, first: 1, offset: 0 };
  return { content, kind, whole: true, ...place, count, size: Number(size) };
}

function* gapsOf(parts: readonly ShownPart[], pieces: Int | null): Generator<[Int, Int | null]> {
  let next = 1n;
  for (const { first, count } of parts) {
    if (first > next) yield [int(next), int(BigInt(first) - 1n)];
    next = BigInt(first) + BigInt(count);
  }
  if (pieces === null) yield [int(next), null];
  else if (pieces >= next) yield [int(next), pieces];
}

const ENTITY = /^(?:.*\/)?(?:message(?: \d+ of \d+)?|part [\d.]+)$/s;
const MEMBER = /(?:^|\/)member \d+ of \d+/;
const TEXT = /\.(?:txt|text|csv|tsv|md|log|ini|srt|json|xml)$/i;

function kindOf(name: string | null, mediaType: string | null, path: string | null): Kind {
  if (path !== null) {
    if (MEMBER.test(path)) return "other";
    return ENTITY.test(path) ? "mail" : "text";
  }
  const [type] = (mediaType ?? "").toLowerCase().split(";");
  if (type === "application/pdf" || /\.pdf$/i.test(name ?? "")) return "pdf";
  if (type === "message/rfc822" || /\.eml$/i.test(name ?? "")) return "mail";
  return type!.startsWith("text/") || TEXT.test(name ?? "") ? "text" : "other";
}
