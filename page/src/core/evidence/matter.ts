// Matters: papers that belong together, numbered by the company and chained by hash (ledger/evidence/matter.py).

import { equal, hex, int, type Int } from "../bytes.ts";
import { VerificationFailed } from "../errors.ts";
import { leafHash } from "../merkle.ts";
import { quoted } from "../quoted.ts";
import type { Matter } from "../statement.ts";
import type { VerifiedReceipt } from "../verify.ts";

/** The receipts are not consecutive papers of one matter; the message names the number. */
export class MatterBroken extends VerificationFailed {
  override readonly code = "matter-broken";
}

/** Throw MatterBroken unless receipts, by number, are consecutive papers of one matter. */
export function verifyMatter(receipts: readonly VerifiedReceipt[]): void {
  const first = receipts[0]!;
  for (const each of receipts) {
    if (each.deposit.origin !== first.deposit.origin) {
      throw new MatterBroken(
        `Number ${placeOf(each).number} of the matter is in another ledger: ${quoted(each.deposit.origin)}, not ` +
          `${quoted(first.deposit.origin)}.`,
      );
    }
  }
  for (const [before, after] of pairwise(receipts)) {
    const [earlier, later] = [placeOf(before), placeOf(after)];
    if (later.number === earlier.number) {
      throw new MatterBroken(`Two papers of the matter bear the number ${later.number}.`);
    }
    if (later.previous === null || !equal(later.previous, leafHash(before.statement.encoded))) {
      throw new MatterBroken(
        `Number ${later.number} of the matter names another paper as its predecessor than the number ` +
          `${earlier.number} shown.`,
      );
    }
  }
  verifyPlaces(receipts);
}

/** Throw MatterBroken unless receipts of one matter, by number, stand in one ledger in that order. */
export function verifyPlaces(receipts: readonly VerifiedReceipt[]): void {
  for (const [before, after] of pairwise(receipts)) {
    if (after.index <= before.index) {
      throw new MatterBroken(
        `Number ${placeOf(after).number} of the matter stands before number ${placeOf(before).number} in the ledger: ` +
          `entry ${after.index}, entry ${before.index}.`,
      );
    }
  }
  oneHistory(receipts);
}

/** Throw MatterBroken where two checkpoints of one size have different roots. */
export function oneHistory(receipts: readonly VerifiedReceipt[]): void {
  const roots = new Map<Int, string>();
  for (const each of receipts) {
    const { size, root } = each.checkpoint.checkpoint;
    const known = roots.get(size) ?? hex(root);
    if (known !== hex(root)) {
      throw new MatterBroken(
        `Two checkpoints of ${size} entries have different roots: the notary has signed two histories. Keep both ` +
          "receipts; they prove it.",
      );
    }
    roots.set(size, known);
  }
}

/** Return the place in its matter of a paper that has one. */
export function placeOf(receipt: VerifiedReceipt): Matter {
  return receipt.deposit.matter!;
}

/** Return the number behind `number`. */
export function next(number: Int): Int {
  return int(BigInt(number) + 1n);
}

function pairwise<T>(values: readonly T[]): [T, T][] {
  return values.slice(1).map((each, i) => [values[i]!, each]);
}
