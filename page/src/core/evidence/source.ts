// A file that is read in pieces, so that no evidence is ever held whole.

import { SealbookError } from "../errors.ts";

/** A Blob in the page, an open file in Node. `read` gives exactly what lies inside the file. */
export interface Source {
  readonly size: number;
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** What is read and hashed at a time. */
export const BLOCK = 1 << 20;

/** A source behind a window of one block: what lies close together is fetched once. */
export class Buffered implements Source {
  readonly size: number;
  readonly #source: Source;
  #start = 0;
  #window: Uint8Array = new Uint8Array();

  constructor(source: Source) {
    this.#source = source;
    this.size = source.size;
  }

  /** Return up to `length` bytes from `offset` on, fewer only where the file ends. */
  async read(offset: number, length: number): Promise<Uint8Array> {
    const end = Math.min(offset + length, this.size);
    if (end <= offset) return new Uint8Array();
    if (offset < this.#start || end > this.#start + this.#window.length) {
      const size = Math.min(Math.max(BLOCK, end - offset), this.size - offset);
      const data = await this.#source.read(offset, size);
      if (data.length !== size) throw new SealbookError("the file ended while it was being read");
      if (size > BLOCK) return data;
      [this.#start, this.#window] = [offset, data];
    }
    return this.#window.subarray(offset - this.#start, end - this.#start);
  }
}
