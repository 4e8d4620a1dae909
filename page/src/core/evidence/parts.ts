// Parts of a document: cuts between leaves, and the ranges that a person would name (ledger/evidence/parts.py).

import { int, type Int } from "../bytes.ts";
import { cborEncode, type Cbor } from "../cbor.ts";
import { MAX_LEAF } from "../commitment.ts";
import { MalformedData } from "../errors.ts";
import { BLOCK } from "./source.ts";

const SEGMENT_LEAVES = 8_192;

/** `count` bytes leaves from leaf `first` (from 1) on, under the `path` that a person would use. */
export interface Part {
  readonly path: string;
  readonly first: Int;
  readonly count: Int;
}

/** Neighbouring leaves that are worked on at a time: where they begin, and their lengths. */
export interface Segment {
  readonly start: number;
  readonly sizes: readonly number[];
}

/** Where a document's bytes leaves begin and end. Throws MalformedData if they do not fill it. */
export class Cuts {
  readonly count: Int;
  readonly #size: Int;
  readonly #cuts: Uint8Array | null;

  constructor(size: Int, cuts: Uint8Array | null) {
    this.#size = size;
    this.#cuts = cuts;
    if (cuts === null) {
      this.count = int((BigInt(size) + BigInt(MAX_LEAF - 1)) / BigInt(MAX_LEAF));
      return;
    }
    if (cuts.length % 2) throw new MalformedData("a document's cuts are not pairs of bytes");
    let sum = 0;
    for (let leaf = 0; leaf < cuts.length / 2; leaf++) {
      const each = this.#length(leaf);
      if (each === 0 || each > MAX_LEAF) throw doNotAddUp();
      sum += each;
    }
    if (sum !== size) throw doNotAddUp();
    this.count = cuts.length / 2;
  }

  /** Yield all leaves, in segments of up to a block. */
  *segments(): Generator<Segment> {
    let [start, end] = [0, 0];
    let sizes: number[] = [];
    for (let leaf = 0; leaf < this.count; leaf++) {
      const size = this.#length(leaf);
      if (end + size - start > BLOCK || sizes.length === SEGMENT_LEAVES) {
        yield { start, sizes };
        [start, sizes] = [end, []];
      }
      sizes.push(size);
      end += size;
    }
    if (sizes.length) yield { start, sizes };
  }

  #length(leaf: number): number {
    if (this.#cuts !== null) return this.#cuts[2 * leaf]! * 256 + this.#cuts[2 * leaf + 1]!;
    return Math.min(MAX_LEAF, Number(this.#size) - leaf * MAX_LEAF);
  }
}

/** Return the leaf data of a structure view. */
export function structureLeaves(parts: readonly Part[]): Uint8Array[] {
  return parts.map(({ path, first, count }) =>
    cborEncode(new Map<string, Cbor>([["path", path], ["count", count], ["first", first]])),
  );
}

function doNotAddUp(): MalformedData {
  return new MalformedData("a document's cuts do not add up to its size");
}
