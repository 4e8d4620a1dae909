// C2SP tlog-proof: that an entry is in a log, in one text.

import { b64decode, characters, parseDecimal, type Int } from "./bytes.ts";
import { parseCheckpoint } from "./checkpoint.ts";
import { MalformedData } from "./errors.ts";
import { HASH_SIZE, MAX_PROOF_LENGTH } from "./merkle.ts";
import { MAX_NOTE_SIZE, parseNote } from "./note.ts";

const MAX_EXTRA_SIZE = 2 ** 16;
export const MAX_PROOF_SIZE = 2 * MAX_EXTRA_SIZE + MAX_NOTE_SIZE;
const HEADER = "c2sp.org/tlog-proof@v1";

/** A proof, not verified. `note` is the whole signed checkpoint. */
export interface TlogProof {
  readonly index: Int;
  readonly hashes: readonly Uint8Array[];
  readonly note: string;
  readonly extra: Uint8Array | null;
}

/** Return a proof whose checkpoint is well-formed and unverified. Throws MalformedData. */
export function parseProof(text: string): TlogProof {
  if (characters(text) > MAX_PROOF_SIZE) throw new MalformedData(`the proof is over ${MAX_PROOF_SIZE} bytes`);
  const end = text.indexOf("\n\n");
  const lines = text.slice(0, end < 0 ? text.length : end).split("\n");
  if (lines.shift() !== HEADER || end < 0) throw new MalformedData(`a proof begins with the line ${HEADER}`);
  const note = text.slice(end + 2);
  let extra = null;
  if (lines[0]?.startsWith("extra ")) {
    extra = b64decode(lines.shift()!.slice("extra ".length));
    if (extra.length < 1 || extra.length > MAX_EXTRA_SIZE) {
      throw new MalformedData(`extra data has 1 to ${MAX_EXTRA_SIZE} bytes`);
    }
  }
  if (!lines[0]?.startsWith("index ")) throw new MalformedData("the proof does not state an index");
  const index = parseDecimal(lines.shift()!.slice("index ".length));
  if (lines.length > MAX_PROOF_LENGTH) {
    throw new MalformedData(`an inclusion proof has at most ${MAX_PROOF_LENGTH} hashes`);
  }
  const hashes = lines.map(b64decode);
  if (hashes.some((each) => each.length !== HASH_SIZE)) {
    throw new MalformedData(`the hashes of an inclusion proof have ${HASH_SIZE} bytes`);
  }
  parseCheckpoint(parseNote(note).text);
  return { index, hashes, note, extra };
}
