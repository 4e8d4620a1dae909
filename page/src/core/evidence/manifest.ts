// The opening of a whole deposit: its manifest with the index inside (ledger/evidence/manifest.py, index.py).

import type { Int } from "../bytes.ts";
import { cborDecode, cborEncode, hasKeys, isBytes, isCount, type Cbor } from "../cbor.ts";
import { SEED_SIZE } from "../commitment.ts";
import { MalformedData } from "../errors.ts";
import { padme } from "../padding.ts";
import { Cuts, type Part } from "./parts.ts";
import { parseRecord, type Record } from "./records.ts";
import {
  checkCount, checkNames, checkParts, checkRenditions, checkUniform, isCoverField, isText, MAX_COVER, MAX_DOCUMENTS,
} from "./rules.ts";

/** CBOR items of a manifest. */
const MAX_ITEMS = 80 * MAX_DOCUMENTS;
const MAX_LABEL = 480;

/** One document's cuts (null: uniform) and parts. */
export interface DocumentIndex {
  readonly cuts: Uint8Array | null;
  readonly parts: readonly Part[];
}

/** A deposit as its owner knows it. */
export interface Manifest {
  readonly seed: Uint8Array;
  readonly depositor: Uint8Array;
  /** Fields and values, the title first. */
  readonly cover: readonly (readonly [string, string])[];
  readonly documents: readonly Record[];
  readonly index: readonly DocumentIndex[];
}

/** Return the leaf data of a cover, one field each with its name. */
export function coverLeaves(manifest: Manifest): Uint8Array[] {
  return manifest.cover.map(([name, value]) => cborEncode([name, value]));
}

/** Return the opening of a whole deposit, as an evidence file holds it. Throws MalformedData. */
export function parseManifest(data: Uint8Array): Manifest {
  let end = data.length;
  while (end && data[end - 1] === 0) end--;
  if (padme(BigInt(end)) !== BigInt(data.length)) throw new MalformedData("the manifest is not padded as specified");
  const value = cborDecode(data.subarray(0, end), MAX_ITEMS);
  if (!hasKeys(value, "seed", "depositor", "cover", "documents", "index", "sealbook-manifest")) throw malformed();
  const [seed, depositor] = [value.get("seed"), value.get("depositor")];
  const [cover, listed, index] = [value.get("cover"), value.get("documents"), value.get("index")];
  if (
    !isBytes(seed) || !isBytes(depositor) || !Array.isArray(cover) || !Array.isArray(listed) ||
    !Array.isArray(index) || value.get("sealbook-manifest") !== 2
  ) {
    throw malformed();
  }
  if (seed.length !== SEED_SIZE || depositor.length !== 32) {
    throw new MalformedData("the manifest's seed or depositor is not as specified");
  }
  checkCount(listed.length);
  const documents = listed.map(parseRecord);
  checkNames(documents.map((each) => each.name));
  const made = new Map<number, Int>();
  for (const [document, { rendition }] of documents.entries()) if (rendition) made.set(document, rendition.of);
  checkRenditions(made);
  return { seed, depositor, cover: parseCover(cover), documents, index: parseIndex(index, documents) };
}

function parseIndex(value: Cbor[], records: readonly Record[]): DocumentIndex[] {
  if (value.length === 2 && value.every(isCount)) {
    throw new MalformedData("the opening in the evidence file does not hold its index");
  }
  const index = value.map(parseDocumentIndex);
  if (index.length !== records.length) throw new MalformedData("the index does not have the manifest's documents");
  for (const [document, record] of records.entries()) {
    const { cuts, parts } = index[document]!;
    if (new Cuts(record.size, cuts).count !== record.leaves) {
      throw new MalformedData("the index and the manifest count leaves differently");
    }
    if (parts.length !== record.parts) throw new MalformedData("the index and the manifest count parts differently");
    checkUniform(record.splitter, cuts === null, record.parts);
    checkParts(parts, record.leaves);
  }
  return index;
}

function parseDocumentIndex(value: Cbor): DocumentIndex {
  if (hasKeys(value, "cuts", "hashes", "parts")) {
    const [cuts, hashes, parts] = [value.get("cuts"), value.get("hashes"), value.get("parts")];
    if ((cuts === null || isBytes(cuts)) && isBytes(hashes) && Array.isArray(parts)) {
      if (hashes.length) throw new MalformedData("the index does not have one hash a leaf");
      return { cuts: cuts ?? null, parts: parts.map(parsePart) };
    }
  }
  throw new MalformedData("a document in the index is not as specified");
}

function parsePart(value: Cbor): Part {
  if (Array.isArray(value) && value.length === 4) {
    const [path, first, count, label] = value;
    if (isText(path) && isCount(first) && isCount(count) && isText(label, MAX_LABEL, true)) {
      if (label) throw new MalformedData("the opening in the evidence file has labels, which nothing vouches for");
      return { path, first, count };
    }
  }
  throw new MalformedData("a part in the index is not as specified");
}

function parseCover(value: Cbor[]): [string, string][] {
  const fields = value as [string, string][];
  if (
    fields.length <= MAX_COVER &&
    fields.every((pair) => Array.isArray(pair) && pair.length === 2 && isCoverField(pair[0], pair[1])) &&
    fields[0]?.[0] === "title" &&
    new Set(fields.map(([name]) => name)).size === fields.length
  ) {
    return fields;
  }
  throw new MalformedData("the manifest's cover is not as specified");
}

function malformed(): MalformedData {
  return new MalformedData("the manifest's fields are not as specified");
}
