// Inspection records, the office's word on what an officer has seen: ledger/chain/inspection.py.

import { characters, equal, int, type Int } from "./bytes.ts";
import { cborDecode, hasKeys, isBytes, isCount, type Cbor } from "./cbor.ts";
import { formatSign1, parseSign1 } from "./cose.ts";
import { MalformedData, VerificationFailed } from "./errors.ts";
import { sha256 } from "./hash.ts";
import { HASH_SIZE, leafHash, verifyInclusion } from "./merkle.ts";
import { MAX_PROOF_SIZE, parseProof, type TlogProof } from "./proof.ts";
import { showsNothing, type Claim, type Facts } from "./report.ts";
import { revocation } from "./retired.ts";
import { isOrigin, MAX_ENTRY, NONCE_SIZE, parseStatement, type Statement } from "./statement.ts";
import { isByLog, verifyOwn, type Trust } from "./trust.ts";

const SALT_SIZE = 32;
const MAX_NAME = 128;
const MAX_PARTICULARS = 1 << 18;
const MAX_RECORD = MAX_ENTRY + MAX_PROOF_SIZE + MAX_PARTICULARS;
const MAX_RECORDS = 500;
/** Bytes of a file of records. */
export const MAX_INSPECTIONS = 1 << 24;
const MAX_ITEMS = 1 << 18;

/** The payload of the office's inspection entry: `leaf` is the leaf hash of the deposit at `entry`. */
export interface Inspection {
  readonly entry: Int;
  readonly leaf: Uint8Array;
  readonly scope: "whole" | "part";
  readonly particulars: Uint8Array;
}

/** What was seen of a document, from 1: runs (first, count) of its pieces; `pieces` null where not opened. */
export interface Seen {
  readonly document: Int;
  readonly pieces: Int | null;
  readonly runs: readonly Run[];
}
type Run = readonly [Int, Int];

interface Particulars {
  readonly officer: string;
  readonly role: string;
  /** Empty for a whole deposit. */
  readonly seen: readonly Seen[];
}

/** A record, parsed; nothing in it is verified yet. */
export interface InspectionRecord {
  readonly statement: Statement;
  readonly inspection: Inspection;
  readonly proof: TlogProof;
  readonly particulars: Uint8Array;
}

/** What the office stated, as entry `index` of the tree of `size` entries with this `root`. */
export interface VerifiedInspection {
  readonly index: Int;
  readonly time: Int;
  readonly inspection: Inspection;
  readonly particulars: Particulars;
  readonly size: Int;
  readonly root: Uint8Array;
}

/** Return a file's records, each about another deposit. Throws MalformedData. */
export function parseInspections(data: Uint8Array): InspectionRecord[] {
  if (data.length > MAX_INSPECTIONS) {
    throw new MalformedData(`a file of inspection records is over ${MAX_INSPECTIONS} bytes`);
  }
  const values = cborDecode(data);
  if (Array.isArray(values) && values.length > 0 && values.length <= MAX_RECORDS) {
    const records = values.map(parseRecord);
    if (records.every((each, n) => !records.slice(0, n).some((other) => isAbout(other, each.inspection.leaf)))) {
      return records;
    }
  }
  throw new MalformedData("not a file of inspection records");
}

/**
 * Return which records to hold against each deposit, by its leaf hash: those about it. Where none is about any of
 * them, all of them against each, so that nobody takes them for theirs.
 */
export function sortInspections(
  records: readonly InspectionRecord[], leaves: readonly Uint8Array[],
): (readonly InspectionRecord[])[] {
  const found = leaves.map((leaf) => records.filter((each) => isAbout(each, leaf)));
  return found.some((each) => each.length > 0) ? found : leaves.map(() => records);
}

export function isAbout(record: InspectionRecord, leaf: Uint8Array): boolean {
  return equal(record.inspection.leaf, leaf);
}

/** Return what the office stated, as `trust` has it. Throws MalformedData, VerificationFailed. */
export async function verifyInspection(record: InspectionRecord, trust: Trust): Promise<VerifiedInspection> {
  const { statement, proof, inspection } = record;
  if (statement.issuer !== trust.origin || statement.payload.get("origin") !== trust.origin) {
    throw new VerificationFailed("the inspection record was made for another ledger");
  }
  if (!(await isByLog(statement, trust))) {
    throw new VerificationFailed("the inspection record is not signed by a key of the notary");
  }
  const checkpoint = await verifyOwn(trust, proof.note);
  if (revocation(checkpoint, trust.retired) !== null) {
    throw new VerificationFailed(
      "a key that signed the inspection record's checkpoint was revoked; the office can write the record anew",
    );
  }
  const { size, root } = checkpoint.checkpoint;
  verifyInclusion(leafHash(statement.encoded), proof.index, size, proof.hashes, root);
  if (!equal(sha256(record.particulars), inspection.particulars)) {
    throw new VerificationFailed("the inspection's particulars are not those that were entered");
  }
  const particulars = parseParticulars(record.particulars);
  if (particulars.seen.length > 0 !== (inspection.scope === "part")) {
    throw new VerificationFailed("the inspection's particulars do not say what part was seen");
  }
  if (inspection.entry >= proof.index) {
    throw new VerificationFailed("the inspection record stands before the deposit");
  }
  return { index: proof.index, time: statement.issuedAt, inspection, particulars, size, root };
}

/**
 * Return the facts of a part: what was `seen`, and whether that `covers` what the claim `content` shows, null where
 * that is nothing. There are none for a whole deposit.
 */
export function partFacts({ seen }: Particulars, content: Claim | undefined): Facts {
  if (seen.length === 0) return {};
  let covers = null;
  if (content?.status === "proven" && !showsNothing(content)) {
    covers = content.by === "partial-opening" && isWithin(seenOf(content.facts["documents"] as Shown[]), seen);
  }
  return { seen, covers };
}

/** A document of a claim that a partial opening proves. */
interface Shown {
  readonly document: Int;
  readonly whole: boolean;
  readonly pieces: Int | null;
  readonly parts: readonly { readonly first: Int; readonly count: Int }[];
}

/** Return what is seen of the documents shown; one of which fields alone are opened is not among them. */
function seenOf(documents: readonly Shown[]): Seen[] {
  return documents.flatMap(({ document, whole, pieces, parts }): Seen[] => {
    if (whole) return [{ document, pieces, runs: pieces ? [[1, pieces]] : [] }];
    if (parts.length === 0) return [];
    return [{ document, pieces, runs: joined(parts.map(({ first, count }) => [first, count])) }];
  });
}

function isWithin(shown: readonly Seen[], seen: readonly Seen[]): boolean {
  return shown.every(({ document, runs }) => {
    const known = seen.find((each) => each.document === document);
    return known && runs.every((run) => known.runs.some((each) => each[0] <= run[0] && behind(run) <= behind(each)));
  });
}

/** Return the number behind a run's last piece. */
function behind([first, count]: Run): bigint {
  return BigInt(first) + BigInt(count);
}

/** Return the same pieces in runs that do not touch. */
function joined(runs: readonly Run[]): Run[] {
  const found: Run[] = [];
  for (const run of [...runs].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))) {
    const last = found.at(-1);
    if (last && run[0] <= behind(last)) {
      const end = behind(run) > behind(last) ? behind(run) : behind(last);
      found[found.length - 1] = [last[0], int(end - BigInt(last[0]))];
    } else {
      found.push(run);
    }
  }
  return found;
}

function parseRecord(data: Cbor): InspectionRecord {
  if (isBytes(data) && data.length <= MAX_RECORD) {
    const message = parseSign1(data);
    const parts = message.unprotected.get("sealbook");
    if (message.unprotected.size === 1 && hasKeys(parts, "proof", "particulars")) {
      const text = parts.get("proof"), particulars = parts.get("particulars");
      if (typeof text === "string" && isBytes(particulars)) {
        const statement = parseStatement(formatSign1({ ...message, unprotected: new Map() }));
        const proof = parseProof(text);
        if (proof.extra === null) return { statement, inspection: parseInspection(statement), proof, particulars };
      }
    }
  }
  throw new MalformedData("an inspection record is not as specified");
}

function parseInspection(statement: Statement): Inspection {
  const value = statement.payload;
  const names = ["origin", "nonce", "entry", "leaf", "scope", "particulars"];
  if (statement.kind === "inspection" && hasKeys(value, ...names)) {
    const [origin, nonce, entry, leaf, scope, particulars] = names.map((each) => value.get(each));
    if (
      isOrigin(origin) && isBytes(nonce, NONCE_SIZE) && isCount(entry) && isBytes(leaf, HASH_SIZE) &&
      (scope === "whole" || scope === "part") && isBytes(particulars, HASH_SIZE)
    ) {
      return { entry, leaf, scope, particulars };
    }
  }
  throw new MalformedData("not an inspection statement");
}

function parseParticulars(data: Uint8Array): Particulars {
  if (data.length > MAX_PARTICULARS) {
    throw new MalformedData(`an inspection's particulars are over ${MAX_PARTICULARS} bytes`);
  }
  const value = cborDecode(data, MAX_ITEMS);
  const names = ["salt", "officer", "role"];
  if (hasKeys(value, ...names) || hasKeys(value, ...names, "seen")) {
    const officer = value.get("officer"), role = value.get("role");
    if (isBytes(value.get("salt"), SALT_SIZE) && isName(officer) && isName(role)) {
      return { officer, role, seen: value.has("seen") ? parseSeen(value.get("seen")) : [] };
    }
  }
  throw new MalformedData("an inspection's particulars are not as specified");
}

function isName(value: Cbor | undefined): value is string {
  return typeof value === "string" && value !== "" && characters(value) <= MAX_NAME;
}

function parseSeen(value: Cbor | undefined): Seen[] {
  if (Array.isArray(value) && value.length > 0) {
    const found = value.map(parseDocument);
    if (found.every((each, n) => n === 0 || found[n - 1]!.document < each.document)) return found;
  }
  throw malformed();
}

function parseDocument(value: Cbor): Seen {
  if (Array.isArray(value) && value.length === 3) {
    const [document, pieces, values] = value;
    if (isCount(document) && document > 0 && (pieces === null || isCount(pieces)) && Array.isArray(values)) {
      const runs = values.map(parseRun);
      const last = runs.at(-1);
      const end = last ? behind(last) - 1n : 0n;
      const known = pieces === null ? end > 0n : end <= pieces && (end > 0n || BigInt(pieces) === 0n);
      const apart = runs.every((run, n) => n === 0 || run[0] > behind(runs[n - 1]!));
      if (known && apart) return { document, pieces, runs };
    }
  }
  throw malformed();
}

function parseRun(value: Cbor): Run {
  if (Array.isArray(value) && value.length === 2) {
    const [first, count] = value;
    if (isCount(first) && isCount(count) && first > 0 && count > 0) return [first, count];
  }
  throw malformed();
}

function malformed(): MalformedData {
  return new MalformedData("an inspection's particulars do not say what was seen as specified");
}
