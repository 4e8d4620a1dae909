// Partial openings: what shows some parts of a deposit and hides the rest (ledger/evidence/partial/form.py).

import { equal, type Int } from "../../bytes.ts";
import { cborDecode, cborEncode, isBytes, isCount, isMap, type Cbor } from "../../cbor.ts";
import { COVER_PLACE, MAX_LEAF, paddedCover, SEED_SIZE } from "../../commitment.ts";
import { MalformedData } from "../../errors.ts";
import { HASH_SIZE } from "../../merkle.ts";
import { Cuts } from "../parts.ts";
import { checkPadded, checkUniform, isSplitter, MAX_COVER, MAX_DOCUMENTS } from "../rules.ts";
import { checkDocument, checkLeaves, checkTogether } from "./consistency.ts";
import {
  coverField, isPart, metadataField, structurePart,
  type DocumentOpening, type Hidden, type Leaf, type OpenedHeader, type PartialOpening, type PartOfView, type Run,
  type WholeBytes,
} from "./views.ts";

/** CBOR items of a partial opening. */
const MAX_OPENED_ITEMS = 4_000_000;
const FIRST_KEYS = ["cover", "proof"].map(cborEncode);

/** Return whether an opening's bytes are those of a partial one, if of any: by their first key. */
export function isPartial(data: Uint8Array): boolean {
  return FIRST_KEYS.some((key) => equal(data.subarray(1, 7), key));
}

/** Return the partial opening. Throws MalformedData. */
export function parsePartial(data: Uint8Array): PartialOpening {
  const value = cborDecode(data, MAX_OPENED_ITEMS);
  if (isMap(value) && value.get("sealbook-opening") === 2) {
    const [opened, padded, proof] = [value.get("opened"), value.get("padded"), value.get("proof")];
    const shown = value.get("cover");
    const known = shown === undefined ? 4 : 5;
    if (
      Array.isArray(opened) && padded !== undefined && isBytes(proof) && value.size === known &&
      (opened.length || shown !== undefined)
    ) {
      if (!isCount(padded)) throw malformed();
      checkPadded(padded, MAX_DOCUMENTS + 1);
      const documents = opened.map(parseDocument);
      if (documents.some(({ document }, i) => i > 0 && document <= documents[i - 1]!.document)) throw notInOrder();
      if (documents.some(({ document }) => document + 1 >= padded)) throw notInOrder();
      documents.forEach(checkDocument);
      checkTogether(documents);
      return { padded, documents, proof, cover: shown === undefined ? null : parseCover(shown) };
    }
  }
  throw new MalformedData("the opening's fields are not as specified");
}

function parseDocument(value: Cbor): DocumentOpening {
  if (!Array.isArray(value) || value.length !== 4) throw malformed();
  const [place, bytes, structured, described] = value;
  if (!isCount(place) || place <= COVER_PLACE) throw malformed();
  if (place > MAX_DOCUMENTS) throw notInOrder();
  const content = parseContent(bytes!);
  const [structure, metadata] = [parseView(structured!, parseLeaf, noRuns), parseView(described!, parseLeaf, noRuns)];
  return {
    document: Number(place) - 1,
    content,
    structure,
    metadata,
    parts: isPart(structure) ? structure.leaves.map((leaf) => [leaf.index, structurePart(leaf.data)]) : [],
    fields: new Map(isPart(metadata) ? metadata.leaves.map((leaf) => metadataField(leaf.data, leaf.index)) : []),
  };
}

/** Return the opened part of the cover, whose header would count what is hidden. */
function parseCover(value: Cbor): PartOfView {
  const cover = parseView(value, parseLeaf, noRuns);
  if (isPart(cover) && cover.header instanceof Uint8Array) {
    const padded = BigInt(cover.padded);
    if (padded === paddedCover(padded) && padded <= MAX_COVER) {
      const names = cover.leaves.map((leaf) => coverField(leaf.data)[0]);
      if (new Set(names).size === names.length) return cover;
    }
  }
  throw new MalformedData("the cover in the opening is not as specified");
}

function parseContent(value: Cbor): Hidden | PartOfView | WholeBytes {
  if (Array.isArray(value) && value.length === 5) {
    const [seed, splitter, version, size, cuts] = value;
    if (
      !isBytes(seed, SEED_SIZE) || !isSplitter(splitter, version) || !isCount(size) ||
      !(cuts === null || isBytes(cuts))
    ) {
      throw malformed();
    }
    checkUniform(splitter as string, cuts === null, 0);
    const whole = { seed, splitter: splitter as string, version: version as Int, size };
    return { kind: "whole", ...whole, cuts: new Cuts(size, cuts ?? null) };
  }
  return parseView(value, noLeaves, parseRun);
}

function parseView(
  value: Cbor, leaf: (value: Cbor) => Leaf[], run: (value: Cbor) => Run[],
): Hidden | PartOfView {
  if (isBytes(value, HASH_SIZE)) return value;
  if (!Array.isArray(value) || value.length !== 4) throw malformed();
  const [padded, header, opened, proof] = value;
  if (!isCount(padded) || !Array.isArray(opened) || !opened.length || !isBytes(proof)) throw malformed();
  const view: PartOfView = {
    kind: "part", padded, header: parseHeader(header!), leaves: opened.flatMap(leaf), runs: opened.flatMap(run), proof,
  };
  checkLeaves(view);
  return view;
}

const noLeaves = (): Leaf[] => [];
const noRuns = (): Run[] => [];

function parseHeader(value: Cbor): Uint8Array | OpenedHeader {
  if (isBytes(value, HASH_SIZE)) return value;
  if (Array.isArray(value) && value.length === 4) {
    const [salt, count, splitter, version] = value;
    if (isBytes(salt, SEED_SIZE) && isCount(count) && isSplitter(splitter, version)) {
      return { salt, header: { count, splitter: splitter as string, version: version as Int } };
    }
  }
  throw malformed();
}

function parseLeaf(value: Cbor): Leaf[] {
  if (Array.isArray(value) && value.length === 3) {
    const [index, salt, data] = value;
    if (isCount(index) && isBytes(salt, SEED_SIZE) && isBytes(data)) return [{ index, salt, data }];
  }
  throw malformed();
}

function parseRun(value: Cbor): Run[] {
  if (Array.isArray(value) && value.length === 3) {
    const [first, salts, encoded] = value;
    if (isCount(first) && isBytes(salts) && isBytes(encoded) && encoded.length && encoded.length % 2 === 0) {
      const sizes = Array.from({ length: encoded.length / 2 }, (_, i) => encoded[2 * i]! * 256 + encoded[2 * i + 1]!);
      if (salts.length === SEED_SIZE * sizes.length && sizes.every((size) => size > 0 && size <= MAX_LEAF)) {
        return [{ first, salts, sizes, size: sizes.reduce((sum, each) => sum + each, 0) }];
      }
    }
  }
  throw malformed();
}

function malformed(): MalformedData {
  return new MalformedData("a document in the opening is not as specified");
}

function notInOrder(): MalformedData {
  return new MalformedData("an opening's documents are not in order");
}
