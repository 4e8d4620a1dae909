// What an opening may say of documents: the rules that whole and partial openings share (ledger/evidence/rules.py).

import { MAX_INTEGER, utf8, type Int } from "../bytes.ts";
import { isCount, type Cbor } from "../cbor.ts";
import { paddedCount } from "../commitment.ts";
import { MalformedData } from "../errors.ts";
import { quoted } from "../quoted.ts";
import type { Part } from "./parts.ts";
import { areRemarks } from "./remarks.ts";

export const MAX_DOCUMENTS = 100_000;
export const MAX_PARTS = 1_000_000;
const MAX_NAME = 1024;
const MAX_PATH = 4096;
const MAX_KIND = 480;
export const MAX_COVER = 4096;
const MAX_FIELD = 64;

const COVER_FIELD = /^[a-z][a-z0-9]*(?:[ -][a-z0-9]+)*$/;

/** The splitter of documents without parts, cut every 16,384 bytes. No other is without cuts. */
export const UNIFORM = "fixed";

/** Return whether `value` is text of 1 (0 where `empty`) to `limit` bytes of UTF-8. */
export function isText(value: unknown, limit = MAX_PATH, empty = false): value is string {
  if (typeof value !== "string" || (value === "" && !empty) || value.length > limit) return false;
  return utf8(value).length <= limit;
}

/** Return whether `value` can name a document: a relative path, nothing hidden in it. */
export function isName(value: unknown): value is string {
  return (
    isText(value, MAX_NAME) &&
    !/[\0-\x1f\x7f]/.test(value) &&
    value.split("/").every((each) => each !== "" && each !== "." && each !== "..")
  );
}

/** Return whether these are a splitter's name and its version. */
export function isSplitter(name: unknown, version: unknown): boolean {
  return isText(name) && isCount(version) && version > 0;
}

const isFreeText = (value: Cbor) => isText(value, MAX_PATH, true);

function isTime(value: Cbor): boolean {
  return value === null || typeof value === "number" || typeof value === "bigint";
}

function isRendition(value: Cbor): boolean {
  if (!Array.isArray(value) || value.length !== 5) return false;
  const [of, kind, position, total, remarks] = value;
  return (
    isCount(of) && isCount(position) && isCount(total) &&
    of >= 1 && 1 <= position && position <= total &&
    isText(kind, MAX_KIND) && areRemarks(remarks!)
  );
}

const FIELDS = new Map<string, (value: Cbor) => boolean>([
  ["name", isName],
  ["size", isCount],
  ["modified", isTime],
  ["media-type", isFreeText],
  ["source", isFreeText],
  ["tool", isFreeText],
  ["unsplit", isFreeText],
  ["rendition", isRendition],
]);

/** The fields of a metadata view, from leaf 1; only renditions have the last. */
export const METADATA_FIELDS = [...FIELDS.keys()];

/** Return whether a metadata view may state this. */
export function isField(name: string, value: Cbor | undefined): boolean {
  return value !== undefined && FIELDS.get(name)!(value);
}

/** Return whether a cover can hold the field: named by words of software, the value short text. */
export function isCoverField(name: unknown, value: unknown): boolean {
  return isText(name, MAX_FIELD) && COVER_FIELD.test(name) && isText(value, MAX_PATH, true);
}

/** Throw MalformedData unless the names are relative, plain, short and different. */
export function checkNames(names: readonly unknown[]): void {
  for (const name of names) {
    if (!isName(name)) throw new MalformedData(`${quoted(String(name))} cannot be the name of a document in a deposit`);
  }
  if (new Set(names).size !== names.length) {
    throw new MalformedData("two documents of the deposit have the same name");
  }
}

/** Throw MalformedData unless a deposit can have so many documents. */
export function checkCount(documents: number): void {
  if (documents < 1 || documents > MAX_DOCUMENTS) {
    throw new MalformedData(`a deposit has 1 to ${MAX_DOCUMENTS} documents, not ${documents}`);
  }
}

/** Throw MalformedData unless `padded` is n' or m' of some count up to `most`. */
export function checkPadded(padded: Int, most: Int = MAX_INTEGER): void {
  if (BigInt(padded) !== paddedCount(padded) || padded > paddedCount(most)) {
    throw new MalformedData(`an opening has a tree of ${padded} leaves, which none is padded to`);
  }
}

/**
 * Throw MalformedData unless of each (document, of) the second stands before the first and is an original; both
 * from 0.
 */
export function checkRenditions(made: ReadonlyMap<number, Int>): void {
  for (const [document, of] of made) {
    if (of >= document || made.has(Number(of))) {
      throw new MalformedData(
        `document ${document + 1} is called a rendition of document ${BigInt(of) + 1n}, which is not an original ` +
          "that stands before it",
      );
    }
  }
}

/**
 * Throw MalformedData unless every part names leaves that exist, parts nest or are apart, outer ones first, and
 * there are not too many.
 */
export function checkParts(parts: readonly Part[], leaves: Int): void {
  if (parts.length > MAX_PARTS) {
    throw new MalformedData(`a document has ${parts.length} parts, more than ${MAX_PARTS}`);
  }
  let begin: Int = 1;
  const around = [BigInt(leaves) + 1n];
  for (const part of parts) {
    const end = BigInt(part.first) + BigInt(part.count);
    while (around.length > 1 && around.at(-1)! <= part.first) around.pop();
    if (!(begin <= part.first && part.first < end && end <= around.at(-1)!)) {
      throw new MalformedData(`the part ${quoted(part.path)} lies outside its document or the part around it`);
    }
    begin = part.first;
    around.push(end);
  }
}

/** Throw MalformedData unless a document cut `fixed` is cut so, without parts, and no other is. */
export function checkUniform(splitter: string, uniform: boolean, parts: Int): void {
  if ((splitter === UNIFORM) !== uniform || (uniform && parts !== 0)) {
    throw new MalformedData(`a document is not cut as its splitter ${quoted(splitter)} cuts`);
  }
}
