// A timestamp token (RFC 3161), read as raw slices: ledger/chain/timestamp/token.py.

import { int, type Int } from "../bytes.ts";
import { utcSeconds } from "../dates.ts";
import * as der from "../der.ts";
import type { Element } from "../der.ts";
import { MalformedData, TooLarge } from "../errors.ts";
import { algorithmOid, DIGESTS } from "../signatures.ts";

export const MAX_TOKEN = 1 << 20;
const MAX_CERTIFICATES = 16;
const MAX_ACCURACY = 86_400n;

const SIGNED_DATA = "1.2.840.113549.1.7.2", TST_INFO = "1.2.840.113549.1.9.16.1.4";
const BASIC_RESPONSE = "1.3.6.1.5.5.7.48.1.1";
const CERTIFICATES = der.context(0), LISTS = der.context(1);

/** Of a second; times of tokens are counted in these, so that no fraction is rounded. */
const UNIT = 10n ** 18n;

/** The one signer of a token; `attributes` is the SET that is signed. */
export interface Signer {
  readonly sid: Element;
  readonly digest: Element;
  readonly attributes: Uint8Array;
  readonly algorithm: Element;
  readonly signature: Uint8Array;
}

/**
 * What a token states. `genTime` and `accuracy` are in 10^-18 seconds, `genTime` since 1970, `accuracy` null where
 * the token is silent. `imprintAlgorithm` is a name of `DIGESTS`, or an object identifier.
 */
export interface Token {
  readonly der: Uint8Array;
  readonly content: Uint8Array;
  readonly policy: string;
  readonly imprintIdentifier: Uint8Array;
  readonly imprintAlgorithm: string;
  readonly imprint: Uint8Array;
  readonly genTime: bigint;
  readonly accuracy: bigint | null;
  readonly critical: readonly string[];
  readonly signer: Signer;
  readonly certificates: readonly Uint8Array[];
  readonly crls: readonly Uint8Array[];
}

/** Return the POSIX second before which a token was not made, rounded down; `assumed` is in seconds. */
export function earliestOf(token: Token, assumed = 0): Int {
  return int(floorSeconds(token.genTime - margin(token, assumed)));
}

/** Return the POSIX second by which a token was made, rounded up. */
export function latestOf(token: Token, assumed = 0): Int {
  return int(-floorSeconds(-(token.genTime + margin(token, assumed))));
}

/** Return whole seconds of 10^-18 ones, rounded down. */
export function floorSeconds(time: bigint): bigint {
  const quotient = time / UNIT;
  return time < 0n && quotient * UNIT !== time ? quotient - 1n : quotient;
}

/** Return the token that `data` is. Throws MalformedData and TooLarge. */
export function parseToken(data: Uint8Array): Token {
  const [fields, content] = opened(data);
  const [certificates, crls] = outside(fields.slice(3, -1));
  const signer = parseSigner(fields[fields.length - 1]!);
  const stated = der.children(der.read(content), der.SEQUENCE);
  if (stated.length < 5 || der.parseInteger(stated[0]!) !== 1n) throw wrong("statement");
  const [, policy, imprint, serial, genTime, ...rest] = stated as [Element, Element, Element, Element, Element];
  const [identifier, value] = parseImprint(imprint);
  const found = optional(rest);
  const algorithm = algorithmOid(identifier);
  der.parseInteger(serial);
  const nonce = found.get(der.INTEGER);
  if (nonce) der.parseInteger(nonce);
  return {
    der: data,
    content,
    policy: der.parseOid(policy),
    imprintIdentifier: identifier.raw,
    imprintAlgorithm: DIGESTS.get(algorithm) ?? algorithm,
    imprint: value.content,
    genTime: parseGenTime(genTime),
    accuracy: parseAccuracy(found.get(der.SEQUENCE)),
    critical: parseCritical(found.get(der.context(1))),
    signer,
    certificates: certificates.filter((each) => each.tag === der.SEQUENCE).map((each) => each.raw),
    crls: crls.map(parseList),
  };
}

/** Return the fields of the SignedData, and the TSTInfo that is signed. */
function opened(data: Uint8Array): [Element[], Uint8Array] {
  if (data.length > MAX_TOKEN) throw new TooLarge(`a timestamp token is longer than ${MAX_TOKEN} bytes`);
  const fields = der.children(explicit(der.read(data), SIGNED_DATA), der.SEQUENCE);
  if (fields.length < 4 || ![3n, 4n, 5n].includes(der.parseInteger(fields[0]!))) throw wrong("content");
  der.children(fields[1]!, der.SET);
  const signed = explicit(fields[2]!, TST_INFO);
  if (signed.tag !== der.OCTET_STRING) throw wrong("content");
  return [fields, signed.content];
}

/** Return what a ContentInfo of this kind holds. */
function explicit(element: Element, kind: string): Element {
  const fields = der.children(element, der.SEQUENCE);
  if (fields.length !== 2 || der.parseOid(fields[0]!) !== kind) throw wrong("content");
  const inner = der.children(fields[1]!, der.context(0));
  if (inner.length !== 1) throw wrong("content");
  return inner[0]!;
}

/** Return certificates and revocation lists, which may both be absent. */
function outside(fields: readonly Element[]): [Element[], Element[]] {
  const found = new Map(fields.map((each) => [each.tag, der.children(each)]));
  const order = [CERTIFICATES, LISTS].filter((tag) => found.has(tag));
  if (fields.length !== order.length || fields.some((each, i) => each.tag !== order[i])) {
    throw wrong("list of certificates");
  }
  const certificates = found.get(CERTIFICATES) ?? [], lists = found.get(LISTS) ?? [];
  if (Math.max(certificates.length, lists.length) > MAX_CERTIFICATES) {
    throw new TooLarge(`a timestamp token holds more than ${MAX_CERTIFICATES} certificates or lists`);
  }
  return [certificates, lists];
}

/** Return a CRL or an OCSP response (RFC 5940); of a kind that is not known, what is written. */
function parseList(element: Element): Uint8Array {
  if (element.tag !== der.context(1)) return element.raw;
  const fields = der.children(element);
  if (fields.length !== 2) throw wrong("revocation list");
  const [kind, value] = [der.parseOid(fields[0]!), fields[1]!.raw];
  if (kind !== BASIC_RESPONSE) return value;
  // Without the envelope, as German archives write it.
  const basic = der.sequence(fields[0]!.raw, der.encode(der.OCTET_STRING, value));
  return der.sequence(der.encode(der.ENUMERATED, Uint8Array.of(0)), der.encode(der.context(0), basic));
}

function parseSigner(element: Element): Signer {
  const signers = der.children(element, der.SET);
  if (signers.length !== 1) {
    throw new MalformedData(`a timestamp token has ${signers.length} signers, where one is specified`);
  }
  const fields = der.children(signers[0]!, der.SEQUENCE);
  if (fields.length < 6 || fields.length > 7) throw wrong("signer");
  const [version, sid, digest, attributes, algorithm, signature, ...unsigned] = fields as [
    Element, Element, Element, Element, Element, Element,
  ];
  const expected = new Map([[der.SEQUENCE, 1n], [der.context(0, false), 3n]]);
  if (
    der.parseInteger(version) !== expected.get(sid.tag) || attributes.tag !== der.context(0) ||
    signature.tag !== der.OCTET_STRING || (unsigned as Element[]).some((each) => each.tag !== der.context(1))
  ) {
    throw wrong("signer");
  }
  return { sid, digest, attributes: der.encode(der.SET, attributes.content), algorithm, signature: signature.content };
}

/** Return accuracy, ordering, nonce, tsa and extensions by their tags, which come in this order. */
function optional(fields: readonly Element[]): Map<number, Element> {
  const found = new Map(fields.map((each) => [each.tag, each]));
  const tags = [der.SEQUENCE, der.BOOLEAN, der.INTEGER, der.context(0), der.context(1)].filter((tag) => found.has(tag));
  if (fields.length !== tags.length || fields.some((each, i) => each.tag !== tags[i])) throw wrong("statement");
  return found;
}

/** Return algorithm and hash of a MessageImprint. */
function parseImprint(element: Element): [Element, Element] {
  const fields = der.children(element, der.SEQUENCE);
  if (fields.length !== 2 || fields[1]!.tag !== der.OCTET_STRING) throw wrong("imprint");
  return [fields[0]!, fields[1]!];
}

function parseGenTime(element: Element): bigint {
  const text = String.fromCharCode(...element.content.slice(0, 64));
  const match = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.(\d{1,18}))?Z$/.exec(text);
  if (element.tag !== der.GENERALIZED_TIME || !match) {
    throw new MalformedData("the time of a timestamp token is not one in UTC, as specified");
  }
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number, number, number, number, number, number,
  ];
  const start = utcSeconds(year, month, day, hour, minute);
  // Second 60 is a leap second: the one behind the minute, which POSIX counts as the next.
  if (start === null || year === 0 || second > 60) throw new MalformedData("the time of a timestamp token does not exist");
  return BigInt(start + second) * UNIT + BigInt((match[7] ?? "").padEnd(18, "0"));
}

function parseAccuracy(element: Element | undefined): bigint | null {
  if (element === undefined) return null;
  const units = new Map([[der.INTEGER, 1n], [0x80, 1_000n], [0x81, 1_000_000n]]);
  let [total, last] = [0n, 0n];
  for (const field of der.children(element)) {
    const unit = units.get(field.tag) ?? 0n;
    if (unit <= last) throw wrong("accuracy");
    const value = der.parseInteger(field, field.tag);
    if (value < 0n || (unit > 1n && !(1n <= value && value <= 999n))) throw wrong("accuracy");
    total += (value * UNIT) / unit;
    last = unit;
  }
  if (total > MAX_ACCURACY * UNIT) {
    throw new MalformedData("a timestamp token's accuracy is over a day, so that it tells no time");
  }
  return total;
}

function parseCritical(extensions: Element | undefined): string[] {
  const found: string[] = [];
  for (const each of extensions ? der.children(extensions) : []) {
    const fields = der.children(each, der.SEQUENCE);
    if (fields.length < 2 || fields.length > 3 || fields[fields.length - 1]!.tag !== der.OCTET_STRING) {
      throw wrong("extension");
    }
    const name = der.parseOid(fields[0]!);
    if (fields.length === 3) {
      if (fields[1]!.tag !== der.BOOLEAN) throw wrong("extension");
      const { content } = fields[1]!;
      if (content.length !== 1 || content[0] !== 0) found.push(name);
    }
  }
  return found;
}

function margin(token: Token, assumed: number): bigint {
  return token.accuracy ?? BigInt(assumed) * UNIT;
}

function wrong(what: string): MalformedData {
  return new MalformedData(`a timestamp token's ${what} is not as specified`);
}
