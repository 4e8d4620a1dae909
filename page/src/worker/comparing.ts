// Whether documents that lie beside an evidence file are, byte for byte, what it shows.

import type { FileResult } from "../core/evidence/verify_file.ts";
import { equal } from "../core/bytes.ts";
import type { Compared, Content } from "./protocol.ts";

const PIECE = 4 << 20;
const MAX_COMPARED = 100;

export async function compared(
  others: readonly File[],
  result: FileResult,
  contents: readonly (readonly Content[])[],
): Promise<Compared[]> {
  const found: Compared[] = [];
  for (const file of others.slice(0, MAX_COMPARED)) {
    const equals: { deposit: number; content: number }[] = [];
    for (const [deposit, each] of contents.entries()) {
      for (const [content, { size }] of each.entries()) {
        if (size === file.size && (await same(file, result, deposit, content))) equals.push({ deposit, content });
      }
    }
    found.push({ name: file.name, size: file.size, equals });
  }
  return found;
}

async function same(file: File, result: FileResult, deposit: number, content: number): Promise<boolean> {
  for (let offset = 0; offset < file.size; offset += PIECE) {
    const ours = new Uint8Array(await file.slice(offset, offset + PIECE).arrayBuffer());
    if (!equal(ours, await result.read(deposit, content, offset, ours.length))) return false;
  }
  return true;
}
