// COSE Receipts (RFC 9942), the notary's seal: ledger/chain/seal.py.

import { equal, type Int } from "./bytes.ts";
import { cborDecode, hasKeys, isBytes, isCount, type Cbor } from "./cbor.ts";
import { certifiedKey, type SealAnchor } from "./certificate.ts";
import * as cose from "./cose.ts";
import { MalformedData, VerificationFailed } from "./errors.ts";
import { thumbprintP256, verifyEs256 } from "./keys.ts";
import { HASH_SIZE } from "./merkle.ts";

export const RECEIPTS = 394;
const VERIFIABLE_DATA_STRUCTURE = 395, VERIFIABLE_PROOFS = 396;
const RFC9162_SHA256 = 1, INCLUSION = -1;
const MAX_PROOF = 63;

/** A parsed COSE Receipt; nothing in it is verified yet. */
export interface CoseReceipt {
  readonly message: cose.Sign1;
  readonly origin: string;
  readonly keyId: Uint8Array;
  readonly certificate: Uint8Array;
  readonly size: Int;
  readonly index: Int;
  readonly proof: readonly Uint8Array[];
}

/** Return the COSE Receipt in `data`. Throws MalformedData. */
export function parseCoseReceipt(data: Uint8Array): CoseReceipt {
  const message = cose.parseSign1(data);
  const header = message.protected;
  const claims = header.get(cose.CWT_CLAIMS), proofs = message.unprotected.get(VERIFIABLE_PROOFS);
  if (
    hasKeys(header, cose.ALG, cose.KID, cose.CWT_CLAIMS, cose.X5CHAIN, VERIFIABLE_DATA_STRUCTURE) &&
    hasKeys(claims, cose.ISS, cose.SUB) && hasKeys(message.unprotected, VERIFIABLE_PROOFS) &&
    hasKeys(proofs, INCLUSION) && message.payload === null
  ) {
    const keyId = header.get(cose.KID), certificate = header.get(cose.X5CHAIN);
    const origin = claims.get(cose.ISS), paths = proofs.get(INCLUSION);
    if (
      header.get(cose.ALG) === cose.ES256 && header.get(VERIFIABLE_DATA_STRUCTURE) === RFC9162_SHA256 &&
      isBytes(keyId) && isBytes(certificate) && typeof origin === "string" &&
      claims.get(cose.SUB) === "checkpoint" && Array.isArray(paths) && paths.length === 1 && isBytes(paths[0])
    ) {
      return { message, origin, keyId, certificate, ...parsePath(cborDecode(paths[0])) };
    }
  }
  throw new MalformedData("the COSE Receipt is not as specified");
}

/** Return tree size, leaf index and proof of an RFC 9942 inclusion proof. Throws MalformedData. */
export function parsePath(value: Cbor): { size: Int; index: Int; proof: readonly Uint8Array[] } {
  if (Array.isArray(value) && value.length === 3) {
    const [size, index, proof] = value;
    if (
      isCount(size) && isCount(index) && Array.isArray(proof) && proof.length <= MAX_PROOF &&
      proof.every((each): each is Uint8Array => isBytes(each, HASH_SIZE))
    ) {
      return { size, index, proof };
    }
  }
  throw new MalformedData("an inclusion proof is not as specified");
}

/** Return the seal certificate's subject once the seal over `root` holds. Throws VerificationFailed. */
export async function verifySeal(
  receipt: CoseReceipt, root: Uint8Array, anchors: readonly SealAnchor[], time: Int,
): Promise<string> {
  const [key, subject] = await certifiedKey(receipt.certificate, anchors, time);
  if (!equal(thumbprintP256(key), receipt.keyId)) {
    throw new VerificationFailed("the seal names another key than its certificate holds");
  }
  await verifyEs256(key, cose.toBeSigned(receipt.message, root), receipt.message.signature);
  return subject;
}
