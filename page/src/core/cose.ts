// COSE_Sign1 (RFC 9052 section 4.2), tag 18, in deterministic CBOR.

import { concat } from "./bytes.ts";
import { cborDecode, cborEncode, isBytes, isMap, type CborMap } from "./cbor.ts";
import { MalformedData } from "./errors.ts";

export const TAG_SIGN1 = 0xd2;
export const ALG = 1, CONTENT_TYPE = 3, KID = 4, CWT_CLAIMS = 15, X5CHAIN = 33;
export const ISS = 1, SUB = 2, IAT = 6;
export const EDDSA = -8, ES256 = -7;

/** A parsed COSE_Sign1; nothing in it is verified yet. */
export interface Sign1 {
  readonly protectedRaw: Uint8Array;
  readonly protected: CborMap;
  readonly unprotected: CborMap;
  readonly payload: Uint8Array | null;
  readonly signature: Uint8Array;
}

/** Return the bytes that the signature covers; `detached` stands in for a null payload. */
export function toBeSigned(message: Sign1, detached?: Uint8Array): Uint8Array {
  const payload = message.payload ?? detached;
  if (payload === undefined) throw new MalformedData("the COSE message has no payload");
  return cborEncode(["Signature1", message.protectedRaw, new Uint8Array(), payload]);
}

export function formatSign1(message: Sign1): Uint8Array {
  const body = [message.protectedRaw, message.unprotected, message.payload, message.signature];
  return concat(Uint8Array.of(TAG_SIGN1), cborEncode(body));
}

/** Return the COSE_Sign1 in `data`. Throws MalformedData. */
export function parseSign1(data: Uint8Array): Sign1 {
  if (data[0] !== TAG_SIGN1) throw new MalformedData("not a COSE_Sign1 message");
  const body = cborDecode(data.slice(1));
  if (Array.isArray(body) && body.length === 4) {
    const [raw, unprotected, payload, signature] = body;
    if (isBytes(raw) && isMap(unprotected) && (payload === null || isBytes(payload)) && isBytes(signature)) {
      const header = cborDecode(raw);
      if (!isMap(header)) throw new MalformedData("the COSE protected header is not a map");
      return { protectedRaw: raw, protected: header, unprotected, payload, signature };
    }
  }
  throw new MalformedData("not a COSE_Sign1 message");
}
