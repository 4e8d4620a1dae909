// C2SP tlog-checkpoint: a tree's origin, size and root as the text of a signed note.

import { b64decode, equal, parseDecimal, type Int } from "./bytes.ts";
import { MalformedData } from "./errors.ts";
import { EMPTY_ROOT, HASH_SIZE, MAX_TREE_SIZE } from "./merkle.ts";
import { isOrigin, MAX_ORIGIN } from "./statement.ts";

/** A tree: whose it is, how many entries it has, its root; and the note's text that says so. */
export interface Checkpoint {
  readonly origin: string;
  readonly size: Int;
  readonly root: Uint8Array;
  readonly text: string;
}

/** Throw MalformedData unless `origin` has 1 to 255 printable ASCII characters without space or '+'. */
export function requireOrigin(origin: string): string {
  if (isOrigin(origin)) return origin;
  throw new MalformedData(`an origin has 1 to ${MAX_ORIGIN} printable ASCII characters, no space and no '+'`);
}

/** Return the checkpoint of a note's text. Throws MalformedData. */
export function parseCheckpoint(text: string): Checkpoint {
  const lines = text.split("\n");
  if (lines.length !== 4 || lines[3] !== "") {
    throw new MalformedData("a checkpoint has exactly three lines: origin, size and root");
  }
  const origin = requireOrigin(lines[0]!);
  const size = parseDecimal(lines[1]!, MAX_TREE_SIZE);
  const root = b64decode(lines[2]!);
  if (root.length !== HASH_SIZE) throw new MalformedData(`a checkpoint's root has ${HASH_SIZE} bytes`);
  if (size === 0 && !equal(root, EMPTY_ROOT)) {
    throw new MalformedData("a checkpoint of no entries does not have the root of the empty tree");
  }
  return { origin, size, root, text };
}
