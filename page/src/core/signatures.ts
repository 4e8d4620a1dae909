// Signatures by the algorithms of certificates and tokens: RFC 4055, 5753 and 8419, through WebCrypto.

import { p256, p384, p521 } from "@noble/curves/nist.js";
import { concat } from "./bytes.ts";
import * as der from "./der.ts";
import type { Element } from "./der.ts";
import { MalformedData, VerificationFailed } from "./errors.ts";
import { verifyEd25519 } from "./keys.ts";
import { quoted } from "./quoted.ts";
import type { Certificate } from "./x509.ts";

export const MIN_RSA = 2048, MAX_RSA = 8192;

/** Object identifier -> hash function that is verified here. */
export const DIGESTS = new Map<string, SignedHash>([
  ["2.16.840.1.101.3.4.2.1", "sha256"],
  ["2.16.840.1.101.3.4.2.2", "sha384"],
  ["2.16.840.1.101.3.4.2.3", "sha512"],
]);

const RSA = "1.2.840.113549.1.1.1", PSS = "1.2.840.113549.1.1.10", MGF1 = "1.2.840.113549.1.1.8";
const EC = "1.2.840.10045.2.1", ED25519 = "1.3.101.112";
const RSA_WITH = new Map<string, SignedHash>([
  ["1.2.840.113549.1.1.11", "sha256"], ["1.2.840.113549.1.1.12", "sha384"], ["1.2.840.113549.1.1.13", "sha512"],
]);
const ECDSA_WITH = new Map<string, SignedHash>([
  ["1.2.840.10045.4.3.2", "sha256"], ["1.2.840.10045.4.3.3", "sha384"], ["1.2.840.10045.4.3.4", "sha512"],
]);
const CURVES = new Map([
  ["1.2.840.10045.3.1.7", { name: "P-256", size: 32, point: p256.Point }],
  ["1.3.132.0.34", { name: "P-384", size: 48, point: p384.Point }],
  ["1.3.132.0.35", { name: "P-521", size: 66, point: p521.Point }],
]);
const WEB_NAMES = { sha1: "SHA-1", sha256: "SHA-256", sha384: "SHA-384", sha512: "SHA-512" };

/** A hash function that signatures are made over. */
export type SignedHash = keyof typeof WEB_NAMES;

/** A public key of a certificate. `point` is uncompressed. */
export type PublicKey =
  | { readonly kind: "rsa"; readonly modulus: Uint8Array; readonly exponent: Uint8Array; readonly bits: number }
  | { readonly kind: "ec"; readonly curve: string; readonly size: number; readonly point: Uint8Array }
  | { readonly kind: "ed25519"; readonly raw: Uint8Array };

/** Return a certificate's public key. Throws MalformedData, VerificationFailed for one of no use here. */
export function publicKey(certificate: Certificate): PublicKey {
  const [algorithm, bits] = der.children(certificate.keyInfo) as [Element, Element];
  const key = der.parseBits(bits);
  const [oid, parameters] = der.children(algorithm);
  const name = der.parseOid(oid!);
  if (name === RSA || name === PSS) {
    const [modulus, exponent, ...more] = der.children(der.read(key), der.SEQUENCE);
    if (!modulus || !exponent || more.length) throw new MalformedData("not an RSA key");
    const [n, e] = [der.parseInteger(modulus), der.parseInteger(exponent)];
    if (n <= 0n || e <= 0n) throw new MalformedData("not an RSA key");
    const unpadded = (each: Element) => each.content.slice(each.content[0] === 0 ? 1 : 0);
    return { kind: "rsa", modulus: unpadded(modulus), exponent: unpadded(exponent), bits: n.toString(2).length };
  }
  if (name === EC && parameters?.tag === der.OID) {
    const curve = CURVES.get(der.parseOid(parameters));
    if (curve) {
      try {
        return { kind: "ec", curve: curve.name, size: curve.size, point: curve.point.fromBytes(unhybrid(key)).toBytes(false) };
      } catch {
        throw new MalformedData("not a point on the curve");
      }
    }
  }
  if (name === ED25519 && parameters === undefined && key.length === 32) return { kind: "ed25519", raw: key };
  throw new VerificationFailed(
    `a timestamp authority's key is not verified here: ${quoted(name)}, or of another size`,
  );
}

/** Return the uncompressed form of a point in X9.62's hybrid one, which OpenSSL reads, or what is given. */
function unhybrid(point: Uint8Array): Uint8Array {
  const isHybrid = point[0]! >> 1 === 3 && (point[0]! & 1) === (point[point.length - 1]! & 1);
  return isHybrid ? concat(Uint8Array.of(4), point.slice(1)) : point;
}

/** Return a certificate's public key for tokens. Throws VerificationFailed for one of no use here. */
export function loadKey(certificate: Certificate): PublicKey {
  let key: PublicKey;
  try {
    key = publicKey(certificate);
  } catch (error) {
    if (!(error instanceof MalformedData)) throw error;
    throw new VerificationFailed("a timestamp authority's certificate cannot be read");
  }
  if (key.kind === "rsa" && (key.bits < MIN_RSA || key.bits > MAX_RSA)) {
    throw new VerificationFailed("a timestamp authority's key is not verified here: RSA of this size");
  }
  return key;
}

/**
 * Throw VerificationFailed unless `signature` over `message` holds.
 *
 * `algorithm` is an AlgorithmIdentifier, which may leave the hash function open: it is `digest` then, and
 * otherwise must be `digest` where one is given. MalformedData where it is not as specified.
 */
export async function verifySignature(
  key: PublicKey, algorithm: Element, signature: Uint8Array, message: Uint8Array, digest?: SignedHash,
): Promise<void> {
  const oid = algorithmOid(algorithm);
  let hash = ECDSA_WITH.get(oid) ?? RSA_WITH.get(oid) ?? (oid === RSA ? digest : undefined);
  let holds: boolean;
  if (key.kind === "ed25519" && oid === ED25519) {
    await verifyEd25519(key.raw, message, signature);
    return;
  } else if (key.kind === "ec" && hash && ECDSA_WITH.has(oid)) {
    holds = await holdsEcdsa(key, hash, signature, message);
  } else if (key.kind === "rsa" && oid === PSS) {
    const [pssHash, saltLength] = pssParameters(algorithm);
    hash = pssHash;
    holds = saltLength >= 0n && (await holdsRsa(key, "RSA-PSS", hash, signature, message, Number(saltLength)));
  } else if (key.kind === "rsa" && hash && !ECDSA_WITH.has(oid)) {
    holds = await holdsRsa(key, "RSASSA-PKCS1-v1_5", hash, signature, message);
  } else {
    throw new VerificationFailed(
      `a signature by the algorithm ${quoted(oid)}, or with a key that is not of it, is not verified here`,
    );
  }
  if (!holds) throw new VerificationFailed("a timestamp token's signature does not hold");
  if (digest && hash !== digest) {
    throw new VerificationFailed("a timestamp token's signature is over another hash than it states");
  }
}

/** Return whether an ECDSA signature (DER) holds. */
export async function holdsEcdsa(
  key: PublicKey & { kind: "ec" }, hash: SignedHash, signature: Uint8Array, message: Uint8Array,
): Promise<boolean> {
  const algorithm = { name: "ECDSA", namedCurve: key.curve, hash: WEB_NAMES[hash] };
  try {
    const values = der.children(der.read(signature), der.SEQUENCE);
    if (values.length !== 2) return false;
    const raw = concat(...values.map((each) => fixedSize(each, key.size)));
    const imported = await crypto.subtle.importKey("raw", concat(key.point), algorithm, false, ["verify"]);
    return await crypto.subtle.verify(algorithm, imported, raw, concat(message));
  } catch {
    return false; // not DER, or no numbers that can sign
  }
}

/** Return whether an RSA signature holds. */
export async function holdsRsa(
  key: PublicKey & { kind: "rsa" }, name: string, hash: SignedHash, signature: Uint8Array, message: Uint8Array,
  saltLength = 0,
): Promise<boolean> {
  const jwk = { kty: "RSA", n: base64url(key.modulus), e: base64url(key.exponent) };
  const algorithm = { name, hash: WEB_NAMES[hash] };
  try {
    const imported = await crypto.subtle.importKey("jwk", jwk, algorithm, false, ["verify"]);
    return await crypto.subtle.verify({ name, saltLength }, imported, concat(signature), concat(message));
  } catch {
    return false; // no key that can sign
  }
}

/** Return the object identifier of an AlgorithmIdentifier. Throws MalformedData. */
export function algorithmOid(element: Element): string {
  const fields = der.children(element, der.SEQUENCE);
  if (fields.length < 1 || fields.length > 2) {
    throw new MalformedData("an algorithm of a timestamp token is not as specified");
  }
  return der.parseOid(fields[0]!);
}

/** Return the name of a hash function. Throws MalformedData, VerificationFailed. */
export function knownDigest(algorithm: Element): SignedHash {
  const oid = algorithmOid(algorithm);
  const name = DIGESTS.get(oid);
  if (name === undefined) throw new VerificationFailed(`the hash function ${quoted(oid)} is not verified here`);
  return name;
}

/** Return hash function and salt's length of RSASSA-PSS. MGF1 must be over the same function. */
function pssParameters(algorithm: Element): [SignedHash, bigint] {
  const parameters = der.children(algorithm)[1];
  const fields = new Map((parameters ? der.children(parameters) : []).map((each) => [each.tag, each]));
  const found = [0, 1, 2].map((number) => {
    const field = fields.get(der.context(number));
    return field ? der.children(field) : [];
  });
  if (found.some((each) => each.length !== 1)) {
    throw new VerificationFailed("RSASSA-PSS with SHA-1 is not verified here");
  }
  const [hash, mask, salt] = found.map((each) => each[0]!) as [Element, Element, Element];
  const name = knownDigest(hash);
  const maskFields = der.children(mask);
  if (algorithmOid(mask) !== MGF1 || maskFields.length !== 2 || knownDigest(maskFields[1]!) !== name) {
    throw new VerificationFailed("RSASSA-PSS with two hash functions is not verified here");
  }
  return [name, der.parseInteger(salt)];
}

function fixedSize(element: Element, size: number): Uint8Array {
  const value = der.parseInteger(element);
  if (value <= 0n || value >= 1n << BigInt(8 * size)) throw new MalformedData("no number that can sign");
  const digits = element.content.slice(element.content[0] === 0 ? 1 : 0);
  return concat(new Uint8Array(size - digits.length), digits);
}

function base64url(data: Uint8Array): string {
  return btoa(String.fromCharCode(...data)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
}

