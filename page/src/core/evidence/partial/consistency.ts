// What the parts of an opening say must agree (ledger/evidence/partial/consistency.py).

import { MAX_INTEGER, type Int } from "../../bytes.ts";
import { MAX_LEAF, paddedCount } from "../../commitment.ts";
import { MalformedData } from "../../errors.ts";
import { Rendition } from "../records.ts";
import { checkNames, checkPadded, checkParts, checkRenditions, checkUniform, MAX_PARTS, METADATA_FIELDS, UNIFORM } from "../rules.ts";
import {
  isPart, isWhole, openedHeader, placeOf, type DocumentOpening, type PartOfView,
} from "./views.ts";

/** Throw unless the leaves are in order, apart, and within what the header counts. */
export function checkLeaves(view: PartOfView): void {
  const ends = [
    ...view.leaves.map((leaf) => [leaf.index, 1] as const),
    ...view.runs.map((run) => [run.first, run.sizes.length] as const),
  ];
  let last = 1n;
  for (const [first, count] of ends) {
    if (first < last) throw new MalformedData("an opening's leaves are not in order");
    last = BigInt(first) + BigInt(count);
  }
  checkPadded(view.padded);
  const header = openedHeader(view);
  if (header !== null && BigInt(view.padded) !== paddedCount(header.count)) {
    throw new MalformedData("an opening's padded count is not that of its header");
  }
  if (last - 1n > most(view)) throw new MalformedData("an opening shows a leaf that its document does not have");
}

/** Return how many leaves the view has at most. */
function most(view: PartOfView): bigint {
  return BigInt(openedHeader(view)?.count ?? view.padded);
}

/**
 * Throw unless something is shown, and each piece named by a structure leaf or counted in its view's header; and
 * unless what the views say agrees.
 */
export function checkDocument(opening: DocumentOpening): void {
  const { content, structure, metadata, fields } = opening;
  if (![content, structure, metadata].some((view) => isPart(view) || isWhole(view))) {
    throw new MalformedData("an opening names a document and shows nothing of it");
  }
  const parts = opening.parts.map(([, part]) => part);
  const found = new Set(isPart(content) ? content.runs.map((run) => placeOf(run.first, run.sizes.length)) : []);
  const named = new Set(parts.map((part) => placeOf(part.first, part.count)));
  if (![...named].every((place) => found.has(place))) {
    throw new MalformedData("an opening names a part whose content it does not show");
  }
  if (![...found].every((place) => named.has(place)) && openedHeader(content) === null) {
    throw new MalformedData("an opening shows a piece without saying of how many");
  }
  if (isPart(structure)) {
    const header = openedHeader(structure);
    if (header === null) throw new MalformedData("an opening shows a part without saying of how many");
    checkPadded(structure.padded, MAX_PARTS);
    checkUniform(header.splitter, false, parts.length);
    checkParts(parts, most(content as PartOfView));
  }
  if (isPart(metadata)) {
    checkPadded(metadata.padded, METADATA_FIELDS.length);
    if (openedHeader(metadata) !== null) throw new MalformedData("an opening counts a document's metadata");
  }
  if (splitters(opening).size > 1) {
    throw new MalformedData("the views of a document were cut by different splitters");
  }
  if (isPart(content)) checkUniformRuns(content);
  if (fields.has("size")) checkSize(fields.get("size") as Int, bounds(opening));
}

function splitters({ content, structure }: DocumentOpening): Set<string> {
  const stated = [isWhole(content) ? content : null, openedHeader(content), openedHeader(structure)];
  return new Set(stated.filter((each) => each !== null).map((each) => `${each.version} ${each.splitter}`));
}

/** Throw unless the leaves of a document cut `fixed` are full, except its last. */
function checkUniformRuns(content: PartOfView): void {
  const header = openedHeader(content);
  if (header === null || header.splitter !== UNIFORM) return;
  for (const { first, sizes } of content.runs) {
    const full = BigInt(first) + BigInt(sizes.length) <= header.count ? sizes : sizes.slice(0, -1);
    checkUniform(UNIFORM, full.every((size) => size === MAX_LEAF), 0);
  }
}

/** Return the least and the most bytes that a document with this content can have. */
function bounds({ content }: DocumentOpening): [Int, Int] {
  if (isWhole(content)) return [content.size, content.size];
  if (!isPart(content)) return [0, MAX_INTEGER];
  const last = content.runs.at(-1)!;
  const end = BigInt(last.first) + BigInt(last.sizes.length) - 1n;
  const shown = BigInt(content.runs.reduce((sum, run) => sum + run.sizes.length, 0));
  const size = BigInt(content.runs.reduce((sum, run) => sum + run.size, 0));
  const header = openedHeader(content);
  const count = header === null ? end : BigInt(header.count);
  const largest = size + (most(content) - shown) * BigInt(MAX_LEAF);
  if (header === null || header.splitter !== UNIFORM) return [size + count - shown, largest];
  // All are full but the last, which has a byte at least.
  return [largest - (end < count ? BigInt(MAX_LEAF - 1) : 0n), largest];
}

function checkSize(size: Int, [least, largest]: [Int, Int]): void {
  if (size < least || size > largest) {
    throw new MalformedData(`a document is said to have ${size} bytes, and its leaves have not`);
  }
}

/** Throw unless what several documents say agrees. */
export function checkTogether(documents: readonly DocumentOpening[]): void {
  const made = new Map<number, Int>();
  const names: unknown[] = [];
  for (const { document, fields } of documents) {
    const rendition = fields.get("rendition");
    if (rendition instanceof Rendition) made.set(document, rendition.of);
    if (fields.has("name")) names.push(fields.get("name"));
  }
  checkRenditions(made);
  checkNames(names);
}
