// Signatures of the ledger's own keys: ledger/crypto/keys.py.

import { ml_dsa44 } from "@noble/post-quantum/ml-dsa.js";
import { concat, hex } from "./bytes.ts";
import { cborEncode } from "./cbor.ts";
import { holdsEd25519 } from "./ed25519.ts";
import { VerificationFailed } from "./errors.ts";
import { sha256 } from "./hash.ts";
import { holdsNatively } from "./native.ts";

export const ED25519_PUBLIC_SIZE = 32;
export const ED25519_SIGNATURE_SIZE = 64;
export const ML_DSA_44_PUBLIC_SIZE = 1312;
export const ML_DSA_44_SIGNATURE_SIZE = 2420;
export const P256_COORDINATE_SIZE = 32;

/** Throw VerificationFailed unless `signature` is `key`'s over `message`. */
export async function verifyEd25519(key: Uint8Array, message: Uint8Array, signature: Uint8Array): Promise<void> {
  if (key.length !== ED25519_PUBLIC_SIZE || signature.length !== ED25519_SIGNATURE_SIZE) {
    throw new VerificationFailed("the Ed25519 key or signature has the wrong length");
  }
  if (!(await remembered("ed25519", [key, signature, message], () => holdsEd25519(key, message, signature)))) {
    throw new VerificationFailed("the Ed25519 signature does not hold");
  }
}

/** Throw VerificationFailed unless `signature` is `key`'s over `message`, with an empty context. */
export async function verifyMlDsa44(key: Uint8Array, message: Uint8Array, signature: Uint8Array): Promise<void> {
  if (!(await remembered("ml-dsa-44", [key, signature, message], () => holdsMlDsa44(key, message, signature)))) {
    throw new VerificationFailed("the ML-DSA-44 signature does not hold");
  }
}

/** Throw VerificationFailed unless `signature` (r and s) is over `message`, by `key` (x and y). */
export async function verifyEs256(key: Uint8Array, message: Uint8Array, signature: Uint8Array): Promise<void> {
  if (signature.length !== 2 * P256_COORDINATE_SIZE) {
    throw new VerificationFailed("the ES256 signature has the wrong length");
  }
  const ecdsa = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  try {
    const raw = concat(Uint8Array.of(4), key);
    const imported = await crypto.subtle.importKey("raw", raw, ecdsa, false, ["verify"]);
    if (await crypto.subtle.verify(ecdsa, imported, concat(signature), concat(message))) return;
  } catch {
    // No point on the curve: it signs nothing.
  }
  throw new VerificationFailed("the ES256 signature does not hold");
}

/** Return the RFC 9679 thumbprint of an Ed25519 key: {1: OKP, -1: Ed25519, -2: x}. */
export function thumbprintEd25519(key: Uint8Array): Uint8Array {
  return sha256(cborEncode(new Map<number, number | Uint8Array>([[1, 1], [-1, 6], [-2, key]])));
}

/** Return the RFC 9679 thumbprint of a P-256 key: {1: EC2, -1: P-256, -2: x, -3: y}. */
export function thumbprintP256(key: Uint8Array): Uint8Array {
  const [x, y] = [key.slice(0, P256_COORDINATE_SIZE), key.slice(P256_COORDINATE_SIZE)];
  return sha256(cborEncode(new Map<number, number | Uint8Array>([[1, 2], [-1, 1], [-2, x], [-3, y]])));
}

async function holdsMlDsa44(key: Uint8Array, message: Uint8Array, signature: Uint8Array): Promise<boolean> {
  const found = await holdsNatively("ML-DSA-44", key, message, signature);
  if (found !== null) return found;
  try {
    return ml_dsa44.verify(signature, message, key);
  } catch {
    return false;
  }
}

/** A file of many deposits brings the same checkpoint with each: what was verified is not verified again. */
const verified = new Map<string, Promise<boolean>>();
const MAX_REMEMBERED = 256;

function remembered(algorithm: string, parts: Uint8Array[], holds: () => Promise<boolean>): Promise<boolean> {
  const name = algorithm + hex(sha256(concat(...parts.slice(0, 2), sha256(parts[2]!))));
  const known = verified.get(name);
  if (known !== undefined) return known;
  const found = holds();
  if (verified.size >= MAX_REMEMBERED) verified.clear();
  verified.set(name, found);
  return found;
}
