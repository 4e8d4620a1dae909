// What a partial opening shows: views, the leaves opened in them, and the pieces of content
// (ledger/evidence/partial/views.py).

import { int, type Int } from "../../bytes.ts";
import { cborDecode, hasKeys, isCount, type Cbor } from "../../cbor.ts";
import { MAX_LEAF, type ViewHeader } from "../../commitment.ts";
import { MalformedData } from "../../errors.ts";
import { Cuts, type Part } from "../parts.ts";
import { Rendition } from "../records.ts";
import { isCoverField, isField, isText, METADATA_FIELDS, UNIFORM } from "../rules.ts";

/** An opened leaf of a structure, metadata or cover view. */
export interface Leaf {
  readonly index: Int;
  readonly salt: Uint8Array;
  readonly data: Uint8Array;
}

/** Neighbouring bytes leaves from `first` on that are opened together, and their sizes; `size` is their sum. */
export interface Run {
  readonly first: Int;
  readonly salts: Uint8Array;
  readonly sizes: readonly number[];
  readonly size: number;
}

/** A view's leaf 0, opened. */
export interface OpenedHeader {
  readonly salt: Uint8Array;
  readonly header: ViewHeader;
}

/** Opened leaves of a view of which the others stay hidden; `header` is C_0 where it does too. */
export interface PartOfView {
  readonly kind: "part";
  readonly padded: Int;
  readonly header: Uint8Array | OpenedHeader;
  readonly leaves: readonly Leaf[];
  readonly runs: readonly Run[];
  readonly proof: Uint8Array;
}

/** A document's bytes view, opened whole by its seed. */
export interface WholeBytes {
  readonly kind: "whole";
  readonly seed: Uint8Array;
  readonly splitter: string;
  readonly version: Int;
  readonly size: Int;
  readonly cuts: Cuts;
}

/** A view's digest, where all of it is hidden. */
export type Hidden = Uint8Array;

export type Fields = ReadonlyMap<string, Cbor | Rendition>;

/** What is opened of document `document` (from 0), and what its opened leaves say. */
export interface DocumentOpening {
  readonly document: number;
  readonly content: Hidden | PartOfView | WholeBytes;
  readonly structure: Hidden | PartOfView;
  readonly metadata: Hidden | PartOfView;
  /** The parts that structure leaves name, each with its position in the view. */
  readonly parts: readonly (readonly [Int, Part])[];
  /** The metadata that is opened. */
  readonly fields: Fields;
}

/**
 * Content that comes with an opening: `size` bytes of a document, a part's or a whole one's.
 *
 * `first` and `count` are its bytes leaves, `path` is what the structure view calls it, `name` the document's
 * name where that is opened. `offset` is where it begins, null where that is hidden.
 */
export interface Piece {
  readonly document: number;
  readonly first: Int;
  readonly count: Int;
  readonly size: Int;
  readonly offset: Int | null;
  readonly path: string | null;
  readonly name: string | null;
  readonly whole: boolean;
}

/** What opens a deposit in part. `cover` is null where it stays hidden. */
export interface PartialOpening {
  readonly padded: Int;
  readonly documents: readonly DocumentOpening[];
  readonly proof: Uint8Array;
  readonly cover: PartOfView | null;
}

export function isPart(view: Hidden | PartOfView | WholeBytes | null): view is PartOfView {
  return view !== null && "kind" in view && view.kind === "part";
}

export function isWhole(view: Hidden | PartOfView | WholeBytes): view is WholeBytes {
  return "kind" in view && view.kind === "whole";
}

/** Return the part that a structure leaf names. Throws MalformedData. */
export function structurePart(data: Uint8Array): Part {
  const value = cborDecode(data);
  if (hasKeys(value, "path", "first", "count")) {
    const [path, first, count] = [value.get("path"), value.get("first"), value.get("count")];
    if (isText(path) && isCount(first) && isCount(count) && first && count) return { path, first, count };
  }
  throw new MalformedData("a structure leaf is not as specified");
}

/** Return the field that metadata leaf `index` states. Throws MalformedData. */
export function metadataField(data: Uint8Array, index: Int): [string, Cbor | Rendition] {
  const value = cborDecode(data);
  if (Array.isArray(value) && value.length === 2) {
    const [name, stated] = value;
    if (typeof name === "string" && name === METADATA_FIELDS[Number(index) - 1] && isField(name, stated)) {
      return [name, name === "rendition" ? new Rendition(stated as Cbor[]) : stated!];
    }
  }
  throw new MalformedData("a metadata leaf is not as specified");
}

/** Return the field that a leaf of the cover states. Throws MalformedData. */
export function coverField(data: Uint8Array): [string, string] {
  const value = cborDecode(data);
  if (Array.isArray(value) && value.length === 2 && isCoverField(value[0], value[1])) return value as [string, string];
  throw new MalformedData("a leaf of the cover is not as specified");
}

/** Return the pieces of content that belong to the opening, in order. */
export function piecesOf(opening: PartialOpening): Piece[] {
  return opening.documents.flatMap(documentPieces);
}

/** Return the pieces of content that belong to one document's opening. */
export function documentPieces(opening: DocumentOpening): Piece[] {
  const { document, content } = opening;
  const name = (opening.fields.get("name") as string | undefined) ?? null;
  if (isWhole(content)) {
    const { count } = content.cuts;
    return [{ document, first: 1, count, size: content.size, offset: 0, path: null, name, whole: true }];
  }
  if (!isPart(content)) return [];
  const named = placed(opening, ([, part]) => part.path);
  const uniform = openedHeader(content)?.splitter === UNIFORM;
  return content.runs.map(({ first, sizes, size }) => ({
    document,
    first,
    count: sizes.length,
    size,
    offset: uniform ? int((BigInt(first) - 1n) * BigInt(MAX_LEAF)) : null,
    path: named.get(placeOf(first, sizes.length)) ?? null,
    name,
    whole: false,
  }));
}

/** Return something of the first of the opened parts in each place. */
export function placed<T>(opening: DocumentOpening, of: (each: readonly [Int, Part]) => T): Map<string, T> {
  const found = new Map<string, T>();
  for (const each of opening.parts.toReversed()) found.set(placeOf(each[1].first, each[1].count), of(each));
  return found;
}

export function placeOf(first: Int, count: Int): string {
  return `${first}+${count}`;
}

/** Return the fields of the cover that are opened, in the order of their places. */
export function openedCover(opening: PartialOpening): [string, string][] {
  return (opening.cover?.leaves ?? []).map((leaf) => coverField(leaf.data));
}

/** Return what leaf 0 of a view says, null where that is hidden. */
export function openedHeader(view: Hidden | PartOfView | WholeBytes): ViewHeader | null {
  return isPart(view) && "header" in view.header ? view.header.header : null;
}
