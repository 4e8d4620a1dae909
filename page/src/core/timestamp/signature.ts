// The signature of a token, with a certificate that its signed attributes name: RFC 5652, RFC 5035, RFC 5816.

import { equal } from "../bytes.ts";
import * as der from "../der.ts";
import type { Element } from "../der.ts";
import { MalformedData, VerificationFailed } from "../errors.ts";
import { digest, type HashName } from "../hash.ts";
import { knownDigest, loadKey, verifySignature } from "../signatures.ts";
import { parseCertificate, requireReadable, subjectKeyIdentifier } from "../x509.ts";
import type { Token } from "./token.ts";

const CONTENT_TYPE = "1.2.840.113549.1.9.3", MESSAGE_DIGEST = "1.2.840.113549.1.9.4";
const SIGNING_CERTIFICATE = "1.2.840.113549.1.9.16.2.12", SIGNING_CERTIFICATE_V2 = "1.2.840.113549.1.9.16.2.47";
const TST_INFO = der.oid("1.2.840.113549.1.9.16.1.4");

/**
 * Return the certificate (DER) with which a token was signed, one of `candidates`. Throws VerificationFailed and
 * MalformedData.
 */
export async function verifySigner(token: Token, candidates: readonly Uint8Array[]): Promise<Uint8Array> {
  const { signer } = token;
  const attributes = parseAttributes(signer.attributes);
  const name = knownDigest(signer.digest);
  if (!isValue(attributes.get(CONTENT_TYPE), TST_INFO)) {
    throw new VerificationFailed("a timestamp token's signature is for another kind of content");
  }
  if (!isValue(attributes.get(MESSAGE_DIGEST), der.encode(der.OCTET_STRING, digest(name, token.content)))) {
    throw new VerificationFailed("a timestamp token's signature is over another statement");
  }
  const certificate = named(signer.sid, attributes, candidates);
  const key = loadKey(readable(certificate));
  await verifySignature(key, signer.algorithm, signer.signature, signer.attributes, name);
  return certificate;
}

function readable(certificate: Uint8Array) {
  try {
    return parseCertificate(certificate);
  } catch (error) {
    if (!(error instanceof MalformedData)) throw error;
    throw new VerificationFailed("a timestamp authority's certificate cannot be read");
  }
}

/** Return the one value of each signed attribute. */
function parseAttributes(signed: Uint8Array): Map<string, Uint8Array> {
  const found = new Map<string, Uint8Array>();
  for (const attribute of der.children(der.read(signed), der.SET)) {
    const fields = der.children(attribute, der.SEQUENCE);
    if (fields.length !== 2 || fields[1]!.tag !== der.SET) {
      throw new MalformedData("a timestamp token's signed attribute is not as specified");
    }
    const name = der.parseOid(fields[0]!);
    const values = der.children(fields[1]!);
    if (values.length !== 1 || found.has(name)) {
      throw new MalformedData("a timestamp token's signed attribute stands there twice");
    }
    found.set(name, values[0]!.raw);
  }
  return found;
}

function isValue(found: Uint8Array | undefined, expected: Uint8Array): boolean {
  return found !== undefined && equal(found, expected);
}

/** Hash function, hash and IssuerSerial of an ESSCertID. */
interface Ess {
  readonly name: HashName;
  readonly hash: Uint8Array;
  readonly issuerSerial: Element | null;
}

/** Return the candidate that the signer names: by `sid`, and by hash in the signed attributes. */
function named(
  sid: Element, attributes: ReadonlyMap<string, Uint8Array>, candidates: readonly Uint8Array[],
): Uint8Array {
  const stated = [SIGNING_CERTIFICATE, SIGNING_CERTIFICATE_V2].flatMap((name) => {
    const value = attributes.get(name);
    return value ? [parseEss(value, name)] : [];
  });
  if (stated.length === 0) {
    throw new VerificationFailed("a timestamp token does not name its certificate under its signature");
  }
  for (const each of candidates) {
    if (stated.every((ess) => agrees(each, ess)) && isNamed(each, sid)) return each;
  }
  if (candidates.some((each) => isNamed(each, sid))) {
    throw new VerificationFailed("a timestamp token names one certificate under its signature and another beside it");
  }
  throw new VerificationFailed(
    "a timestamp token brings no certificate of its signer; add it to the validation data",
  );
}

function parseEss(value: Uint8Array, attribute: string): Ess {
  const fields = der.children(der.read(value), der.SEQUENCE);
  const first = fields[0] ? der.children(fields[0], der.SEQUENCE) : [];
  const parts = first[0] ? der.children(first[0], der.SEQUENCE) : [];
  let name: HashName = "sha1";
  if (attribute === SIGNING_CERTIFICATE_V2) {
    name = parts[0]?.tag === der.SEQUENCE ? knownDigest(parts.shift()!) : "sha256";
  }
  if (parts.length < 1 || parts.length > 2 || parts[0]!.tag !== der.OCTET_STRING) {
    throw new MalformedData("a timestamp token's signing certificate is not named as specified");
  }
  return { name, hash: parts[0]!.content, issuerSerial: parts[1] ?? null };
}

function agrees(certificate: Uint8Array, ess: Ess): boolean {
  // SHA-1 of RFC 2634: a second certificate for a given hash is beyond anybody, RFC 5816 section 3.
  if (!equal(digest(ess.name, certificate), ess.hash)) return false;
  if (ess.issuerSerial === null) return true;
  const [issuer, serial] = issuerSerial(certificate);
  return equal(ess.issuerSerial.raw, der.sequence(der.sequence(der.encode(der.context(4), issuer)), serial));
}

function isNamed(certificate: Uint8Array, sid: Element): boolean {
  try {
    if (sid.tag === der.SEQUENCE) return equal(der.sequence(...issuerSerial(certificate)), sid.raw);
    const parsed = parseCertificate(certificate);
    requireReadable(parsed.extensions);
    const identifier = subjectKeyIdentifier(parsed);
    return identifier !== null && equal(identifier, sid.content);
  } catch (error) {
    if (!(error instanceof MalformedData)) throw error;
    return false;
  }
}

/** Return issuer and serial number, as they are encoded. */
function issuerSerial(certificate: Uint8Array): [Uint8Array, Uint8Array] {
  const outer = der.children(der.read(certificate), der.SEQUENCE);
  const fields = outer[0] ? der.children(outer[0], der.SEQUENCE) : [];
  if (fields[0]?.tag === der.context(0)) fields.shift();
  if (fields.length < 3) throw new MalformedData("a timestamp authority's certificate is not as specified");
  return [fields[2]!.raw, fields[0]!.raw];
}
