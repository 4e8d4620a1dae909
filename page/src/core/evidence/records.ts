// Records of a manifest: one document each, and the fields that can be opened alone (ledger/evidence/records.py).

import { int, type Int } from "../bytes.ts";
import { cborEncode, hasKeys, isBytes, isCount, type Cbor } from "../cbor.ts";
import { MalformedData } from "../errors.ts";
import type { Facts } from "../report.ts";
import { remarkFacts, type Remark } from "./remarks.ts";
import { isField, isSplitter, isText } from "./rules.ts";

/** A document made at the deposit: `kind` `position` of `total` of document `of`, from 0. */
export class Rendition {
  readonly of: Int;
  /** The statement, in which documents count from 1. */
  readonly value: Cbor[];

  /** `value` is one that `isField` has accepted. */
  constructor(value: Cbor[]) {
    this.value = value;
    this.of = int(BigInt(value[0] as Int) - 1n);
  }

  get kind(): string {
    return this.value[1] as string;
  }

  get position(): Int {
    return this.value[2] as Int;
  }

  /** The statement by name, for a machine. */
  get facts(): Facts {
    const [of, kind, position, total, remarks] = this.value;
    return { of, kind, position, total, remarks: (remarks as unknown as Remark[]).map(remarkFacts) };
  }
}

/** One document: its metadata, and how many leaves and parts it has. `commitment` is D_j of a rendition. */
export interface Record {
  readonly name: string;
  readonly size: Int;
  readonly modified: Int | null;
  readonly mediaType: string;
  readonly source: string;
  readonly tool: string;
  readonly splitter: string;
  readonly version: Int;
  readonly leaves: Int;
  readonly parts: Int;
  readonly unsplit: string;
  readonly rendition: Rendition | null;
  readonly commitment: Uint8Array | null;
}

/** Return the leaf data of a metadata view, one field each with its name. */
export function metadataLeaves(record: Record): Uint8Array[] {
  const fields: [string, Cbor][] = [
    ["name", record.name],
    ["size", record.size],
    ["modified", record.modified],
    ["media-type", record.mediaType],
    ["source", record.source],
    ["tool", record.tool],
    ["unsplit", record.unsplit],
  ];
  if (record.rendition !== null) fields.push(["rendition", record.rendition.value]);
  return fields.map(cborEncode);
}

const KEYS = [
  "name", "size", "tool", "parts", "leaves", "offset", "source", "unsplit", "modified", "splitter", "rendition",
  "media-type",
];

/** Return a document of an opening that holds its index: one without an offset. Throws MalformedData. */
export function parseRecord(value: Cbor): Record {
  if (!hasKeys(value, ...KEYS)) throw malformed();
  const splitter = value.get("splitter");
  const [leaves, parts, unsplit] = [value.get("leaves"), value.get("parts"), value.get("unsplit")];
  if (
    !["name", "size", "modified", "media-type", "source", "tool"].every((name) => isField(name, value.get(name))) ||
    !Array.isArray(splitter) || splitter.length !== 2 || !isSplitter(splitter[0], splitter[1]) ||
    !isCount(leaves) || !isCount(parts) || !isText(unsplit, undefined, true)
  ) {
    throw malformed();
  }
  if (value.get("offset") !== null) throw new MalformedData("the manifest's index and offsets contradict each other");
  return {
    name: value.get("name") as string,
    size: value.get("size") as Int,
    modified: value.get("modified") as Int | null,
    mediaType: value.get("media-type") as string,
    source: value.get("source") as string,
    tool: value.get("tool") as string,
    splitter: splitter[0] as string,
    version: splitter[1] as Int,
    leaves,
    parts,
    unsplit,
    ...parseRendition(value.get("rendition")!),
  };
}

function parseRendition(value: Cbor): Pick<Record, "rendition" | "commitment"> {
  if (value === null) return { rendition: null, commitment: null };
  if (Array.isArray(value)) {
    const [made, commitment] = [value.slice(0, -1), value.at(-1)];
    if (isField("rendition", made) && isBytes(commitment, 32)) return { rendition: new Rendition(made), commitment };
  }
  throw new MalformedData("a rendition in the manifest is not as specified");
}

function malformed(): MalformedData {
  return new MalformedData("a document in the manifest is not as specified");
}
