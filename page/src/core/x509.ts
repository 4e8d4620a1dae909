// X.509 certificates (RFC 5280), read as strictly as the core's library reads them.

import { decodeUtf8, equal, hex } from "./bytes.ts";
import { utcSeconds } from "./dates.ts";
import * as der from "./der.ts";
import type { Element } from "./der.ts";
import { MalformedData } from "./errors.ts";

export const BASIC_CONSTRAINTS = "2.5.29.19", KEY_USAGE = "2.5.29.15", EXTENDED_KEY_USAGE = "2.5.29.37";
export const SUBJECT_KEY = "2.5.29.14", AUTHORITY_KEY = "2.5.29.35", SUBJECT_ALT_NAME = "2.5.29.17";
export const NAME_CONSTRAINTS = "2.5.29.30", AUTHORITY_INFORMATION = "1.3.6.1.5.5.7.1.1";
export const DISTRIBUTION_POINTS = "2.5.29.31";

export interface Extension {
  readonly oid: string;
  readonly critical: boolean;
  readonly value: Uint8Array;
}

/** A moment, in POSIX seconds, and whether it is written as a GeneralizedTime. */
export interface Moment {
  readonly seconds: number;
  readonly generalized: boolean;
}

/** A certificate. Names and algorithms stay as they were written. */
export interface Certificate {
  readonly der: Uint8Array;
  readonly signed: Uint8Array;
  readonly version: number;
  readonly serial: Element;
  readonly innerAlgorithm: Element;
  readonly issuer: Element;
  readonly subject: Element;
  readonly notBefore: Moment;
  readonly notAfter: Moment;
  readonly keyInfo: Element;
  readonly extensions: readonly Extension[];
  readonly algorithm: Element;
  readonly signature: Uint8Array;
}

/** What has extensions. */
type Extended = Pick<Certificate, "extensions">;

/** Return the certificate in `data`. Throws MalformedData. */
export function parseCertificate(data: Uint8Array): Certificate {
  const [tbs, algorithm, signature, ...more] = der.children(der.read(data), der.SEQUENCE);
  if (!tbs || !algorithm || !signature || more.length) throw wrong();
  const fields = der.children(tbs, der.SEQUENCE);
  let version = 0n;
  if (fields[0]?.tag === der.context(0)) {
    const inner = der.children(fields.shift()!);
    if (inner.length !== 1) throw wrong();
    version = der.parseInteger(inner[0]!);
    if (version !== 2n) throw wrong(); // v2 is read by nobody, and a default is not written in DER
  }
  const [serial, innerAlgorithm, issuer, validity, subject, keyInfo, ...optional] = fields;
  if (!serial || !innerAlgorithm || !issuer || !validity || !subject || !keyInfo) throw wrong();
  der.parseInteger(serial);
  for (const name of [issuer, subject]) requireName(name);
  for (const each of [innerAlgorithm, algorithm]) requireAlgorithm(each);
  const [keyAlgorithm, key, ...behind] = der.children(keyInfo, der.SEQUENCE);
  if (!keyAlgorithm || !key || behind.length) throw wrong();
  requireAlgorithm(keyAlgorithm);
  requireBits(key);
  requireBits(signature);
  const times = der.children(validity, der.SEQUENCE);
  if (times.length !== 2) throw wrong();
  return {
    der: data,
    signed: tbs.raw,
    version: Number(version),
    serial,
    innerAlgorithm,
    issuer,
    subject,
    notBefore: parseTime(times[0]!),
    notAfter: parseTime(times[1]!),
    keyInfo,
    extensions: parseOptional(optional),
    algorithm,
    signature: signature.content.slice(1),
  };
}

/** Return the certificate in `data`, whose names can be read. Throws MalformedData. */
export function readCertificate(data: Uint8Array): Certificate {
  const certificate = parseCertificate(data);
  for (const name of [certificate.subject, certificate.issuer]) parseName(name);
  return certificate;
}

/** Return an extension's value, null where there is none. Throws MalformedData for a second one. */
export function extension(certificate: Extended, oid: string): Extension | null {
  return certificate.extensions.find((each) => each.oid === oid) ?? null;
}

/** Throw MalformedData for extensions of which one stands twice. */
export function requireDistinct(extensions: readonly Extension[]): void {
  if (new Set(extensions.map((each) => each.oid)).size < extensions.length) {
    throw new MalformedData("an extension of a certificate stands there twice");
  }
}

/** Throw MalformedData unless each extension stands once, and those that are known can be read. */
export function requireReadable(extensions: readonly Extension[]): void {
  requireDistinct(extensions);
  const certificate = { extensions };
  for (const read of [basicConstraints, keyUsage, extendedKeyUsage, subjectKeyIdentifier]) read(certificate);
  for (const { oid, value } of extensions) {
    if (STRUCTURED.has(oid)) requireNested(der.read(value));
    if (oid === SUBJECT_ALT_NAME || oid === ISSUER_ALT_NAME) der.children(der.read(value)).forEach(requireGeneralName);
  }
}

/** Return the extensions of a SEQUENCE of them. Throws MalformedData. */
export function parseExtensions(element: Element): Extension[] {
  const found = der.children(element, der.SEQUENCE).map((each): Extension => {
    const fields = der.children(each, der.SEQUENCE);
    const [oid, value] = [fields[0], fields[fields.length - 1]];
    if (fields.length < 2 || fields.length > 3 || value!.tag !== der.OCTET_STRING) throw wrong();
    // A criticality that is the default is not written in DER.
    if (fields.length === 3 && (fields[1]!.tag !== der.BOOLEAN || !equal(fields[1]!.content, TRUE))) throw wrong();
    return { oid: der.parseOid(oid!), critical: fields.length === 3, value: value!.content };
  });
  if (found.length === 0) throw wrong();
  return found;
}

/** An attribute of a name: its type and its text (of a bit string, its bytes in hexadecimal). */
export type Attribute = readonly [string, string];

/** Throw MalformedData unless this is a name as far as the core's library reads one at once. */
export function requireName(element: Element): void {
  for (const set of der.children(element, der.SEQUENCE)) {
    const attributes = der.children(set, der.SET);
    if (!equal(der.setOf(attributes.map((each) => each.raw)), set.raw)) throw wrong();
    for (const each of attributes) {
      const fields = der.children(each, der.SEQUENCE);
      if (fields.length !== 2) throw wrong();
      der.parseOid(fields[0]!);
      if (LETTERS.has(fields[1]!.tag)) nameText(fields[1]!);
    }
  }
}

/** Return the sets of attributes that a name is. Throws MalformedData. */
export function parseName(element: Element): Attribute[][] {
  requireName(element);
  return der.children(element).map((set) => {
    const attributes = der.children(set).map((each): Attribute => {
      const [oid, value] = der.children(each) as [Element, Element];
      const name = der.parseOid(oid);
      if (value.tag === der.BIT_STRING && name !== UNIQUE_IDENTIFIER) throw wrong();
      return [name, nameText(value)];
    });
    if (new Set(attributes.map((each) => JSON.stringify(each))).size < attributes.length) throw wrong();
    if (attributes.length === 0) throw wrong();
    return attributes;
  });
}

/** Return a name so that equal ones, however they are written, give the same text. */
export function nameKey(element: Element): string {
  return JSON.stringify(parseName(element).map((set) => set.map((each) => JSON.stringify(each)).sort()));
}

const SHORT = new Map([
  ["2.5.4.3", "CN"], ["2.5.4.7", "L"], ["2.5.4.8", "ST"], ["2.5.4.10", "O"], ["2.5.4.11", "OU"],
  ["2.5.4.6", "C"], ["2.5.4.9", "STREET"], ["0.9.2342.19200300.100.1.25", "DC"],
  ["0.9.2342.19200300.100.1.1", "UID"],
]);

/** Return a name as RFC 4514 writes it: the last set first. */
export function formatName(element: Element): string {
  return parseName(element)
    .reverse()
    .map((set) => set.map(([oid, text]) => `${SHORT.get(oid) ?? oid}=${escapeText(text)}`).join("+"))
    .join(",");
}

/** Return basicConstraints, null where it is not there. Throws MalformedData. */
export function basicConstraints(certificate: Extended): { ca: boolean; pathLength: bigint | null } | null {
  const found = extension(certificate, BASIC_CONSTRAINTS);
  if (found === null) return null;
  const fields = der.children(der.read(found.value), der.SEQUENCE);
  let ca = false;
  if (fields[0]?.tag === der.BOOLEAN) {
    if (!equal(fields.shift()!.content, TRUE)) throw wrong();
    ca = true;
  }
  const length = fields.shift();
  if (fields.length) throw wrong();
  const pathLength = length === undefined ? null : der.parseInteger(length);
  if (pathLength !== null && (pathLength < 0n || pathLength >= 2n ** 64n)) throw wrong();
  return { ca, pathLength };
}

export const DIGITAL_SIGNATURE = 0, CONTENT_COMMITMENT = 1, KEY_CERT_SIGN = 5, CRL_SIGN = 6;

/** Return whether keyUsage allows a use, null where it is not there. Throws MalformedData. */
export function keyUsage(certificate: Extended): ((bit: number) => boolean) | null {
  const found = extension(certificate, KEY_USAGE);
  if (found === null) return null;
  const bits = der.read(found.value);
  requireBits(bits);
  return (bit) => Boolean((bits.content[1 + (bit >> 3)] ?? 0) & (0x80 >> (bit & 7)));
}

/** Return the purposes of extendedKeyUsage, null where it is not there. Throws MalformedData. */
export function extendedKeyUsage(certificate: Extended): string[] | null {
  const found = extension(certificate, EXTENDED_KEY_USAGE);
  if (found === null) return null;
  const purposes = der.children(der.read(found.value), der.SEQUENCE).map(der.parseOid);
  if (purposes.length === 0) throw wrong();
  return purposes;
}

/** Return the subject's key identifier, null where it is not there. Throws MalformedData. */
export function subjectKeyIdentifier(certificate: Extended): Uint8Array | null {
  const found = extension(certificate, SUBJECT_KEY);
  if (found === null) return null;
  const value = der.read(found.value);
  if (value.tag !== der.OCTET_STRING) throw wrong();
  return value.content;
}

/** Return the moment of a UTCTime or of a GeneralizedTime without fractions. Throws MalformedData. */
export function parseTime(element: Element): Moment {
  const text = String.fromCharCode(...element.content.slice(0, 20));
  const generalized = element.tag === der.GENERALIZED_TIME;
  const match = (generalized ? /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/ : /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/).exec(text);
  if (match && (generalized || element.tag === der.UTC_TIME)) {
    let [year, ...rest] = match.slice(1).map(Number) as [number, number, number, number, number, number];
    if (!generalized) year += year < 50 ? 2000 : 1900;
    const seconds = utcSeconds(year, ...rest);
    if (seconds !== null) return { seconds, generalized };
  }
  throw new MalformedData("a date of a certificate is not as specified");
}

/** Throw MalformedData unless this is an AlgorithmIdentifier, its parameters of the kind that is specified. */
export function requireAlgorithm(element: Element): void {
  const [oid, parameters, ...more] = der.children(element, der.SEQUENCE);
  if (!oid || more.length) throw wrong();
  const name = der.parseOid(oid);
  if (NULLABLE.test(name) && parameters && (parameters.tag !== der.NULL || parameters.content.length)) throw wrong();
  if (name === PSS && parameters && parameters.tag !== der.SEQUENCE) throw wrong();
  if (WITHOUT.test(name) && parameters) throw wrong();
  if (name === EC && ![der.OID, der.NULL, der.SEQUENCE].includes(parameters?.tag ?? 0)) throw wrong();
  if (parameters?.tag === der.OID) der.parseOid(parameters);
}

const EC = "1.2.840.10045.2.1", PSS = "1.2.840.113549.1.1.10";
/** RSA, ECDSA and hash functions, whose parameters are NULL or left out; Ed25519 and its kin, which have none. */
const NULLABLE = /^(1\.2\.840\.113549\.1\.1\.([1-9]|1[1-4])|1\.2\.840\.10045\.4\.(1|3\.[1-4])|2\.16\.840\.1\.101\.3\.4\.2\.([1-4]|[7-9]|10))$/;
const WITHOUT = /^1\.3\.101\.11[0-3]$/;

const TRUE = Uint8Array.of(0xff);

const POLICIES = "2.5.29.32";
const ISSUER_ALT_NAME = "2.5.29.18", POLICY_CONSTRAINTS = "2.5.29.36";
/** Extensions that are a SEQUENCE, of whatever else. */
const STRUCTURED = new Set([
  AUTHORITY_KEY, SUBJECT_ALT_NAME, ISSUER_ALT_NAME, NAME_CONSTRAINTS, AUTHORITY_INFORMATION, DISTRIBUTION_POINTS,
  POLICIES, POLICY_CONSTRAINTS,
]);

/** Throw MalformedData unless this is a GeneralName (RFC 5280 section 4.2.1.6) that the core's library takes. */
function requireGeneralName(element: Element): void {
  const { tag, content } = element;
  const number = tag & 0x1f;
  if (tag >> 6 !== 2 || Boolean(tag & 0x20) !== [0, 4].includes(number)) throw wrong(); // it has no word for X.400, EDI
  if (number === 4) parseName(der.children(element)[0] ?? element);
  if ([1, 2, 6].includes(number) && content.some((byte) => byte > 0x7f)) throw wrong();
  if (number === 7 && content.length !== 4 && content.length !== 16) throw wrong();
  if (number === 8) der.parseOid({ ...element, tag: der.OID });
  if (number > 8) throw wrong();
}

/** Throw MalformedData unless an element is a SEQUENCE, and DER all the way down. */
function requireNested(element: Element, sequence = true): void {
  if (sequence && element.tag !== der.SEQUENCE) throw wrong();
  if (element.tag & 0x20) for (const each of der.children(element)) requireNested(each, false);
}

function parseOptional(fields: Element[]): Extension[] {
  const tags = fields.map((each) => each.tag);
  const [issuerId, subjectId, extensions] = [der.context(1, false), der.context(2, false), der.context(3)];
  const order = [issuerId, subjectId, extensions].filter((tag) => tags.includes(tag));
  if (tags.length !== order.length || tags.some((tag, i) => tag !== order[i])) throw wrong();
  const last = fields[fields.length - 1];
  if (last?.tag !== extensions) return [];
  const inner = der.children(last);
  if (inner.length !== 1) throw wrong();
  return parseExtensions(inner[0]!);
}

/** Throw MalformedData unless this is a BIT STRING whose unused bits are none or zero. */
export function requireBits(element: Element): void {
  const unused = element.content[0];
  const last = element.content[element.content.length - 1];
  if (element.tag !== der.BIT_STRING || unused === undefined || unused > 7) throw wrong();
  if (unused > 0 && (element.content.length === 1 || last! & ((1 << unused) - 1))) throw wrong();
}

const PRINTABLE = 19, UNIVERSAL = 28, BMP = 30;
/** Kinds of text whose letters the core's library looks at as soon as it reads a name. */
const LETTERS = new Set([PRINTABLE, UNIVERSAL, BMP]);
const TEXTS = new Set([3, 4, 12, 18, PRINTABLE, 20, 22, 23, 24, 26, UNIVERSAL, BMP]);
const UNIQUE_IDENTIFIER = "2.5.4.45";

function nameText({ tag, content }: Element): string {
  if (!TEXTS.has(tag)) throw wrong();
  if (tag === der.BIT_STRING) return `#${hex(content.slice(1))}`;
  if (tag === BMP) return decodeUnits(content, 2);
  if (tag === UNIVERSAL) return decodeUnits(content, 4);
  const text = decodeUtf8(content, "a name in a certificate");
  if (tag === PRINTABLE && !/^[A-Za-z0-9 '()+,./:=?-]*$/.test(text)) throw wrong();
  return text;
}

function decodeUnits(data: Uint8Array, size: number): string {
  let text = "";
  if (data.length % size) throw wrong();
  for (let i = 0; i < data.length; i += size) {
    const code = data.slice(i, i + size).reduce((sum, byte) => sum * 256 + byte, 0);
    if (code > 0x10ffff) throw wrong();
    text += size === 2 ? String.fromCharCode(code) : String.fromCodePoint(code);
  }
  if (/\p{Surrogate}/u.test(text)) throw wrong();
  return text;
}

function escapeText(text: string): string {
  let escaped = text.replace(/[\\"+,;<>]/g, "\\$&").replace(/\0/g, "\\00");
  if (escaped.startsWith("#") || (escaped.startsWith(" ") && escaped.length > 1)) escaped = `\\${escaped}`;
  return escaped.endsWith(" ") ? `${escaped.slice(0, -1)}\\ ` : escaped;
}

function wrong(): MalformedData {
  return new MalformedData("a certificate is not as specified");
}
