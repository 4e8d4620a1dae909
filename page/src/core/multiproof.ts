// Several leaves of one RFC 9162 tree at once, with as few hashes as show them all (ledger/crypto/multiproof.py).

import { HASH_SIZE, nodeHash } from "./merkle.ts";
import { bitLength } from "./padding.ts";
import { VerificationFailed } from "./errors.ts";

/** A leaf's place in its tree, from 0, and its leaf hash. */
export type PlacedLeaf = readonly [index: bigint, hash: Uint8Array];

/**
 * Return the root of the tree of `size` leaves that has `leaves`, in ascending order.
 *
 * Throws VerificationFailed where an index is outside the tree, or the proof has not exactly the hashes that
 * these indices demand.
 */
export function rootFromMultiProof(leaves: readonly PlacedLeaf[], size: bigint, proof: Uint8Array): Uint8Array {
  if (!leaves.length || leaves[0]![0] < 0n || leaves.at(-1)![0] >= size || proof.length % HASH_SIZE) {
    throw new VerificationFailed("a proof names leaves that its tree cannot have");
  }
  let used = 0;
  const rootOf = (low: number, high: number, start: bigint, end: bigint): Uint8Array => {
    if (low === high) {
      if (used === proof.length) throw new VerificationFailed("a proof has fewer hashes than its leaves demand");
      used += HASH_SIZE;
      return proof.subarray(used - HASH_SIZE, used);
    }
    if (end - start === 1n) return leaves[low]![1];
    const split = start + leftSize(end - start);
    let middle = low;
    for (let beyond = high; middle < beyond; ) {
      const at = (middle + beyond) >> 1;
      if (leaves[at]![0] < split) middle = at + 1;
      else beyond = at;
    }
    const left = rootOf(low, middle, start, split);
    return nodeHash(left, rootOf(middle, high, split, end));
  };
  const root = rootOf(0, leaves.length, 0n, size);
  if (used !== proof.length) throw new VerificationFailed("a proof has more hashes than its leaves demand");
  return root;
}

/** Return the largest power of two below `size`, at which a tree splits; `size` is at least 2. */
function leftSize(size: bigint): bigint {
  return 1n << BigInt(bitLength(size - 1n) - 1);
}
