// Ed25519 as the core's library verifies it: RFC 8032 section 5.1.7 without the cofactor, each point and number in its
// one encoding, and no point of small order (libsodium).
//
// WebCrypto computes where it gives this answer: what is not in this form never reaches it, and a signature that holds
// with the cofactor alone tells, once, which equation it has. @noble's points compute elsewhere.

import { ed25519, ED25519_TORSION_SUBGROUP } from "@noble/curves/ed25519.js";
import { bigEndian, concat, hex, parseHex } from "./bytes.ts";
import { sha512 } from "./hash.ts";
import { holdsNatively } from "./native.ts";

const { Point } = ed25519;
const HALF = 32;

/** Return whether `signature` (64 bytes) is over `message`, by `key` (32 bytes). */
export async function holdsEd25519(key: Uint8Array, message: Uint8Array, signature: Uint8Array): Promise<boolean> {
  if (!isWellFormed(key, signature)) return false;
  const found = (await isWithoutCofactor()) ? await holdsNatively("Ed25519", key, message, signature) : null;
  return found ?? holdsOnPoints(key, message, signature);
}

function isWellFormed(key: Uint8Array, signature: Uint8Array): boolean {
  const [r, s] = [signature.slice(0, HALF), signature.slice(HALF)];
  return isLargePoint(key) && isLargePoint(r) && littleEndian(s) < Point.Fn.ORDER;
}

/** Return whether bytes can be a point, in its one encoding, that is not of small order. */
function isLargePoint(encoded: Uint8Array): boolean {
  const y = withoutSign(encoded);
  return !SMALL.has(hex(y)) && littleEndian(y) < Point.Fp.ORDER;
}

/** The coordinate of the points of small order. */
const SMALL = new Set(ED25519_TORSION_SUBGROUP.map((each) => hex(withoutSign(parseHex(each, HALF)))));

function withoutSign(encoded: Uint8Array): Uint8Array {
  const y = encoded.slice();
  y[HALF - 1]! &= 0x7f;
  return y;
}

function holdsOnPoints(key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  try {
    const [a, r] = [Point.fromBytes(key), Point.fromBytes(signature.slice(0, HALF))];
    const k = Point.Fn.create(littleEndian(sha512(concat(signature.slice(0, HALF), key, message))));
    return Point.BASE.multiplyUnsafe(littleEndian(signature.slice(HALF))).equals(a.multiplyUnsafe(k).add(r));
  } catch {
    return false; // no points of the curve
  }
}

/** Over one byte 0, by a key with a part of small order: it holds with the cofactor, and not without. */
const EDGE = {
  key: parseHex("e9b2fe981587efae6478f48ba1fa60cec6126d0e26dde72a0a24f640dcd783e5", HALF),
  signature: parseHex(
    "1337036ac32d8f30d4589c3c1c595812ce0fff40e37c6f5a97ab213f318290ad" +
      "104053b0a1dc5a0b36934c888b74b4da5004110ebaf5e5dd8933f365b4fc3702",
    2 * HALF,
  ),
};

let withoutCofactor: Promise<boolean> | null = null;

function isWithoutCofactor(): Promise<boolean> {
  withoutCofactor ??= holdsNatively("Ed25519", EDGE.key, Uint8Array.of(0), EDGE.signature).then((each) => each === false);
  return withoutCofactor;
}

function littleEndian(data: Uint8Array): bigint {
  return bigEndian(data.slice().reverse());
}
