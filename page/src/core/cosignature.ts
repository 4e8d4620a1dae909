// C2SP tlog-cosignature: a signature, with a time, over a checkpoint.

import { bigEndian, concat, equal, int, MAX_INTEGER, u64, utf8, type Int } from "./bytes.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { VerificationFailed } from "./errors.ts";
import { ED25519_SIGNATURE_SIZE, ML_DSA_44_SIGNATURE_SIZE, verifyEd25519, verifyMlDsa44 } from "./keys.ts";
import { COSIGNATURE_ED25519, ED25519, type Signature, type VerifierKey } from "./note.ts";
import { quoted } from "./quoted.ts";

const TIME_SIZE = 8;

/** A signature that holds. `time` is what the signer stated, in POSIX seconds, null for nothing. */
export interface Verified {
  readonly key: VerifierKey;
  readonly time: Int | null;
}

/** Check a signature of any of our three types over a checkpoint. Throws VerificationFailed. */
export async function verifySignature(
  key: VerifierKey, signature: Signature, checkpoint: Checkpoint,
): Promise<Verified> {
  if (signature.name !== key.name || !equal(signature.keyId, key.keyId)) {
    throw new VerificationFailed(`The signature is not one by ${quoted(key.name)} with this key.`);
  }
  try {
    return await holds(key, signature.signature, checkpoint);
  } catch (error) {
    if (!(error instanceof VerificationFailed)) throw error;
    throw new VerificationFailed(
      `The signature by ${quoted(key.name)} on the checkpoint of ${quoted(checkpoint.origin)} at size ` +
        `${checkpoint.size} does not hold; the checkpoint was altered or is false.`,
    );
  }
}

async function holds(key: VerifierKey, data: Uint8Array, checkpoint: Checkpoint): Promise<Verified> {
  if (key.algorithm === ED25519) {
    await verifyEd25519(key.public, utf8(checkpoint.text), data);
    return { key, time: null };
  }
  if (key.algorithm === COSIGNATURE_ED25519) {
    const time = splitTime(data, ED25519_SIGNATURE_SIZE);
    const message = utf8(`cosignature/v1\ntime ${time}\n${checkpoint.text}`);
    await verifyEd25519(key.public, message, data.slice(TIME_SIZE));
    return { key, time };
  }
  const time = splitTime(data, ML_DSA_44_SIGNATURE_SIZE);
  await verifyMlDsa44(key.public, subtreeMessage(checkpoint, key.name, time), data.slice(TIME_SIZE));
  return { key, time: time === 0 ? null : time };
}

function splitTime(data: Uint8Array, signatureSize: number): Int {
  const time = bigEndian(data.slice(0, TIME_SIZE));
  if (data.length !== TIME_SIZE + signatureSize || time > MAX_INTEGER) {
    throw new VerificationFailed("a cosignature has the wrong length or an impossible time");
  }
  return int(time);
}

function subtreeMessage(checkpoint: Checkpoint, name: string, time: Int): Uint8Array {
  const short = (text: string) => concat(Uint8Array.of(utf8(text).length), utf8(text));
  return concat(
    utf8("subtree/v1\n\0"), short(name), u64(time), short(checkpoint.origin), u64(0), u64(checkpoint.size),
    checkpoint.root,
  );
}
