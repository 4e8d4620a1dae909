// An evidence record: chains of archive timestamps, each of which covers what came before it (RFC 4998 sections 3.1,
// 4.1 and 5.1; ledger/chain/renewal/record.py). It is read as raw slices, because each renewal hashes what stands there.

import * as der from "../der.ts";
import type { Element } from "../der.ts";
import { MalformedData, TooLarge } from "../errors.ts";
import type { HashName } from "../hash.ts";
import { algorithmOid, DIGESTS } from "../signatures.ts";
import { parseToken, type Token } from "../timestamp/token.ts";

/** Bytes of a record, whoever has made it. */
export const MAX_RECORD = 4 << 20;
const MAX_TIMESTAMPS = 256;

/** Object identifier -> hash function that reduced hash trees are computed with. */
export const HASHES: ReadonlyMap<string, HashName> = new Map<string, HashName>([...DIGESTS, ["2.16.840.1.101.3.4.2.4", "sha224"]]);

const ALGORITHM = der.context(0), ATTRIBUTES = der.context(1), REDUCED = der.context(2);
const OPTIONAL = [ALGORITHM, ATTRIBUTES, REDUCED];
const INFOS = [der.context(0), der.context(1)];

/**
 * A token over the root of a hash tree, with what leads from a document to that root.
 *
 * `algorithm` is a name of `HASHES`, or an object identifier that is not verified here; `identifier` is its
 * AlgorithmIdentifier as it was written, in the tree or else in the token. `lists` are the lists of hashes, from
 * the documents up: none where the token stamps the document's hash itself.
 */
export interface ArchiveTimestamp {
  readonly raw: Uint8Array;
  readonly algorithm: string;
  readonly identifier: Uint8Array;
  readonly lists: readonly (readonly Uint8Array[])[];
  readonly token: Token;
}

/** Archive timestamps of one hash function, each over the token before it. */
export type Chain = readonly ArchiveTimestamp[];

/** A record. `algorithms` are AlgorithmIdentifiers as written. */
export interface EvidenceRecord {
  readonly algorithms: readonly Uint8Array[];
  readonly chains: readonly Chain[];
}

/** Return the record that `data` is. Throws MalformedData and TooLarge. */
export function parseRecord(data: Uint8Array): EvidenceRecord {
  if (data.length > MAX_RECORD) throw new TooLarge(`an evidence record is longer than ${MAX_RECORD} bytes`);
  const [version, algorithms, ...rest] = der.children(der.read(data), der.SEQUENCE);
  const sequence = rest.pop();
  if (version === undefined || sequence === undefined || der.parseInteger(version) !== 1n) throw wrong("beginning");
  requireOrder(rest, INFOS, "beginning");
  const chains = der.children(sequence, der.SEQUENCE).map((chain) => der.children(chain, der.SEQUENCE));
  if (!chains.length || chains.some((chain) => !chain.length)) throw wrong("sequence of chains");
  if (chains.reduce((sum, chain) => sum + chain.length, 0) > MAX_TIMESTAMPS) {
    throw new TooLarge(`an evidence record holds more than ${MAX_TIMESTAMPS} timestamps`);
  }
  const named = der.children(algorithms!, der.SEQUENCE);
  named.forEach(algorithmOid);
  return { algorithms: named.map((each) => each.raw), chains: chains.map((chain) => chain.map(timestamp)) };
}

/**
 * Return what stamps a document: a token over its hash, or a record that begins with one.
 *
 * A token alone is the record of one archive timestamp. Throws MalformedData and TooLarge.
 */
export function parseStamp(data: Uint8Array): EvidenceRecord {
  const [first] = der.children(der.read(data), der.SEQUENCE);
  if (first?.tag !== der.INTEGER) return tokenRecord(parseToken(data));
  const record = parseRecord(data);
  if (record.chains[0]![0]!.lists.length) throw wrong("first timestamp");
  return record;
}

/** Return the record that a token over a document's own hash is by itself. */
export function tokenRecord(token: Token): EvidenceRecord {
  const identifier = token.imprintIdentifier;
  const algorithm = der.encode(ALGORITHM, der.read(identifier).content);
  const raw = der.sequence(algorithm, token.der);
  const only = { raw, algorithm: token.imprintAlgorithm, identifier, lists: [], token };
  return { algorithms: [identifier], chains: [[only]] };
}

/** Return the DER of an ArchiveTimeStampSequence. */
export function formatChains(chains: readonly Chain[]): Uint8Array {
  return der.sequence(...chains.map((chain) => der.sequence(...chain.map((each) => each.raw))));
}

function timestamp(element: Element): ArchiveTimestamp {
  const fields = der.children(element, der.SEQUENCE);
  const content = fields.pop();
  if (content === undefined) throw wrong("archive timestamp");
  requireOrder(fields, OPTIONAL, "archive timestamp");
  const token = parseToken(content.raw);
  const named = fields.find((field) => field.tag === ALGORITHM);
  const identifier = named ? der.encode(der.SEQUENCE, named.content) : token.imprintIdentifier;
  const name = algorithmOid(der.read(identifier));
  const reduced = fields.find((field) => field.tag === REDUCED);
  const lists = reduced ? der.children(reduced).map(hashes) : [];
  if (reduced && (!lists.length || lists.some((list) => !list.length))) throw wrong("hash tree");
  return { raw: element.raw, algorithm: HASHES.get(name) ?? name, identifier, lists, token };
}

/** Throw unless each of the fields has another of these tags, in their order. */
function requireOrder(fields: readonly Element[], tags: readonly number[], what: string): void {
  const places = fields.map((field) => tags.indexOf(field.tag));
  if (places.some((place, i) => place < 0 || (i > 0 && place <= places[i - 1]!))) throw wrong(what);
}

function hashes(element: Element): Uint8Array[] {
  const values = der.children(element, der.SEQUENCE);
  if (values.some((value) => value.tag !== der.OCTET_STRING)) throw wrong("hash tree");
  return values.map((value) => value.content);
}

function wrong(what: string): MalformedData {
  return new MalformedData(`an evidence record's ${what} is not as specified`);
}
