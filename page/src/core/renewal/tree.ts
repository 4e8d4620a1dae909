// The root to which a branch of a hash tree leads (RFC 4998 section 4.3; ledger/chain/renewal/tree.py).

import { compare, concat, equal } from "../bytes.ts";
import { VerificationFailed } from "../errors.ts";
import { digest, type HashName } from "../hash.ts";

/**
 * Return the root to which a branch leads from `leaf`, the hash of a document.
 *
 * Throws VerificationFailed where it does not begin with it.
 */
export function rootOf(algorithm: HashName, lists: readonly (readonly Uint8Array[])[], leaf: Uint8Array): Uint8Array {
  if (lists.flat().some((value) => value.length !== leaf.length)) {
    throw new VerificationFailed("a hash tree of an evidence record holds what is no such hash");
  }
  const [first, ...rest] = lists.length ? lists : [[leaf]];
  if (!first!.some((value) => equal(value, leaf))) {
    throw new VerificationFailed(
      "an evidence record does not cover this file: it is of another one, or was changed",
    );
  }
  const start = first!.length === 1 ? first![0]! : joined(algorithm, first!);
  return rest.reduce<Uint8Array>((node, values) => joined(algorithm, [node, ...values]), start);
}

function joined(algorithm: HashName, values: readonly Uint8Array[]): Uint8Array {
  return digest(algorithm, concat(...[...values].sort(compare)));
}
