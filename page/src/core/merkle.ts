// Merkle trees of RFC 9162 with SHA-256: leaves, nodes, roots, inclusion proofs.

import { concat, equal, MAX_INTEGER, type Int } from "./bytes.ts";
import { VerificationFailed } from "./errors.ts";
import { sha256 } from "./hash.ts";

export const HASH_SIZE = 32;
export const EMPTY_ROOT = sha256(new Uint8Array());
export const MAX_TREE_SIZE = MAX_INTEGER;
export const MAX_PROOF_LENGTH = 63;

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

/** Hash one entry as a leaf (section 2.1.1). */
export function leafHash(data: Uint8Array): Uint8Array {
  return sha256.create().update(LEAF).update(data).digest();
}

/** Hash two subtree roots into their parent (section 2.1.1). */
export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  return sha256(concat(NODE, left, right));
}

/** Hash neighbours of one level pairwise into the next; an odd last node is left out. */
export function parentRow(row: readonly Uint8Array[]): Uint8Array[] {
  const parents: Uint8Array[] = [];
  for (let i = 0; i + 1 < row.length; i += 2) parents.push(nodeHash(row[i]!, row[i + 1]!));
  return parents;
}

/** Return the root over leaf hashes of 32 bytes. */
export function rootFromLeafHashes(leaves: readonly Uint8Array[]): Uint8Array {
  let row = leaves;
  if (row.length === 0) return EMPTY_ROOT;
  while (row.length > 1) {
    const parents = parentRow(row);
    if (row.length & 1) parents.push(row[row.length - 1]!);
    row = parents;
  }
  return row[0]!;
}

/** Throw VerificationFailed unless the tree of this size and root has this leaf there (section 2.1.3.2). */
export function verifyInclusion(
  leaf: Uint8Array, index: Int, size: Int, proof: readonly Uint8Array[], root: Uint8Array,
): void {
  if (!equal(rootFromInclusionProof(leaf, index, size, proof), root)) {
    throw new VerificationFailed(
      `The inclusion proof for entry ${index} does not lead to the root of the tree of ${size} entries: the ` +
        "entry is not the one in the ledger, or the proof is for another checkpoint.",
    );
  }
}

/** Return the root that a proof leads to (section 2.1.3.2, steps 1 to 4). Throws VerificationFailed. */
export function rootFromInclusionProof(
  leaf: Uint8Array, index: Int, size: Int, proof: readonly Uint8Array[],
): Uint8Array {
  if (!(0 <= index && index < size && size <= MAX_TREE_SIZE)) {
    throw new VerificationFailed(
      `The inclusion proof names index ${index} in a tree of ${size} entries, where no such entry can be.`,
    );
  }
  if (proof.length > MAX_PROOF_LENGTH + 1 || [leaf, ...proof].some((each) => each.length !== HASH_SIZE)) {
    throw new VerificationFailed(
      `The inclusion proof is not a list of at most ${MAX_PROOF_LENGTH} hashes of ${HASH_SIZE} bytes.`,
    );
  }
  let [fn, sn, root] = [BigInt(index), BigInt(size) - 1n, leaf];
  for (const sibling of proof) {
    if (sn === 0n) throw wrongLength();
    if (fn & 1n || fn === sn) {
      root = nodeHash(sibling, root);
      while (fn && !(fn & 1n)) {
        fn >>= 1n;
        sn >>= 1n;
      }
    } else {
      root = nodeHash(root, sibling);
    }
    fn >>= 1n;
    sn >>= 1n;
  }
  if (sn) throw wrongLength();
  return root;
}

function wrongLength(): VerificationFailed {
  return new VerificationFailed(
    "The inclusion proof does not have the number of hashes that these tree sizes demand.",
  );
}
