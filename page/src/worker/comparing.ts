// Whether documents that lie beside an evidence file are, byte for byte, what it shows, or hold it.

import { concat, equal } from "../core/bytes.ts";
import type { ShownPart } from "../core/evidence/shown.ts";
import type { FileResult } from "../core/evidence/verify_file.ts";
import type { Compared, Place } from "./protocol.ts";

const PIECE = 4 << 20;
const MAX_COMPARED = 100;
/** Bytes that are looked through for pieces in all, and the fewest that say anything when they are found. */
const MAX_SEARCHED = 1 << 30, MIN_FOUND = 32;
/** What is looked for of a piece first, and how often that is followed up. */
const BEGINNING = 4096, MAX_FOLLOWED = 100;

export async function compared(
  others: readonly File[], result: FileResult, progress: (done: number, total: number) => void,
): Promise<Compared[]> {
  const taken = others.slice(0, MAX_COMPARED);
  const comparing = new Comparing(result);
  const found: Compared[] = [];
  for (const [n, file] of taken.entries()) {
    progress(n, taken.length);
    found.push(await comparing.with(file));
  }
  return found;
}

class Comparing {
  #searched = 0;

  constructor(readonly result: FileResult) {}

  async with(file: File): Promise<Compared> {
    const { name, size } = file;
    const equals: Place[] = [];
    const holds: Place[] = [];
    try {
      for (const [deposit, documents] of this.result.shown.entries()) {
        for (const part of documents.flatMap(({ parts }) => parts)) {
          const place = { deposit, content: part.content };
          if (part.size === size && (await this.#isAt(0, file, deposit, part))) equals.push(place);
          else if (!part.whole && (await this.#isIn(file, deposit, part))) holds.push(place);
        }
      }
    } catch {
      return { name, size, equals: [], holds: [], unread: true };
    }
    return { name, size, equals, holds, unread: false };
  }

  /** Return whether a file has the part's bytes at this place. */
  async #isAt(start: number, file: File, deposit: number, { content, size }: ShownPart): Promise<boolean> {
    if (start + size > file.size) return false;
    for (let offset = 0; offset < size; offset += PIECE) {
      const length = Math.min(PIECE, size - offset);
      const theirs = await bytesOf(file, start + offset, length);
      if (!equal(theirs, await this.#ours(deposit, content, offset, length))) return false;
    }
    return true;
  }

  /** Return whether a file holds a part: where the part says that it begins, else anywhere. */
  async #isIn(file: File, deposit: number, part: ShownPart): Promise<boolean> {
    const { content, size, offset } = part;
    if (size < MIN_FOUND || size > file.size) return false;
    if (offset !== null) return this.#isAt(Number(offset), file, deposit, part);
    this.#searched += file.size;
    if (this.#searched > MAX_SEARCHED) return false;
    const beginning = text(await this.#ours(deposit, content, 0, Math.min(BEGINNING, size)));
    let followed = 0;
    for (let start = 0; start < file.size; start += PIECE) {
      const window = text(await bytesOf(file, start, PIECE + beginning.length - 1));
      for (let at = window.indexOf(beginning); at >= 0; at = window.indexOf(beginning, at + 1)) {
        if (await this.#isAt(start + at, file, deposit, part)) return true;
        if (++followed === MAX_FOLLOWED) return false;
      }
    }
    return false;
  }

  async #ours(deposit: number, content: number, offset: number, length: number): Promise<Uint8Array> {
    const found: Uint8Array[] = [];
    for (let read = 0; read < length; ) {
      const data = await this.result.read(deposit, content, offset + read, length - read);
      if (!data.length) break;
      found.push(data);
      read += data.length;
    }
    return found.length === 1 ? found[0]! : concat(...found);
  }
}

async function bytesOf(file: File, start: number, length: number): Promise<Uint8Array> {
  return new Uint8Array(await file.slice(start, start + length).arrayBuffer());
}

/** Return bytes as a text of as many characters, in which they can be looked for. */
function text(data: Uint8Array): string {
  return new TextDecoder("latin1").decode(data);
}
