// An evidence record and the file that it lies beside: ledger/evidence/renewed.py.

import { SealbookError } from "../errors.ts";
import { BLOCK, type Source } from "../evidence/source.ts";
import { begin } from "../hash.ts";
import { parseRecord, type EvidenceRecord } from "./record.ts";
import { hashesUsed, type Digests } from "./verifying.ts";

/** A record, or why it is none, and the hashes of the file beside it; nothing is verified yet. */
export interface Renewed {
  readonly record: EvidenceRecord | SealbookError;
  readonly digests: Digests;
}

/** Return a record of these bytes and the file beside it, which is read once, for `attest`. */
export async function readRenewed(
  file: Source, data: Uint8Array, progress: (done: number) => void,
): Promise<Renewed> {
  let record;
  try {
    record = parseRecord(data);
  } catch (error) {
    if (!(error instanceof SealbookError)) throw error;
    return { record: error, digests: () => new Uint8Array() };
  }
  const hashes = hashesUsed(record).map((name) => [name, begin(name)] as const);
  for (let offset = 0; offset < file.size; offset += BLOCK) {
    const block = await file.read(offset, Math.min(BLOCK, file.size - offset));
    for (const [, state] of hashes) state.update(block);
    progress(offset + block.length);
  }
  const digests = new Map(hashes.map(([name, state]) => [name, state.digest()]));
  return { record, digests: (name) => digests.get(name)! };
}
