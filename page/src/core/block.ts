// Block records: ledger/chain/block.py.

import type { Int } from "./bytes.ts";
import { hasKeys, isBytes, isCount } from "./cbor.ts";
import { MalformedData } from "./errors.ts";
import { HASH_SIZE } from "./merkle.ts";
import { isOrigin, NONCE_SIZE, type Statement } from "./statement.ts";

export const MAX_TOKENS = 64;
/** Seconds by which the notary's clock and an authority's may differ before a block is back-dated. */
export const CLOCKS_APART = 600;

/** A block record. `start` is its own index; `time` never runs below that of the block before. */
export interface Block {
  readonly origin: string;
  readonly height: Int;
  readonly start: Int;
  readonly size: Int;
  readonly time: Int;
  readonly previous: Uint8Array;
  readonly tokens: readonly Uint8Array[];
  readonly platform: Uint8Array | null;
}

/** Return the block record in a statement of that kind. Throws MalformedData. */
export function parseBlock(statement: Statement): Block {
  const value = statement.payload;
  const names = ["origin", "nonce", "height", "start", "size", "time", "previous", "tokens", "platform"];
  if (statement.kind === "block" && hasKeys(value, ...names)) {
    const [origin, nonce, height, start, size, time, previous, tokens, platform] = names.map((each) => value.get(each));
    if (
      isOrigin(origin) && isBytes(nonce, NONCE_SIZE) && isCount(height) && isCount(start) && isCount(size) &&
      size > start && isCount(time) && isBytes(previous, HASH_SIZE) && Array.isArray(tokens) &&
      tokens.length <= MAX_TOKENS && tokens.every((each): each is Uint8Array => isBytes(each, HASH_SIZE)) &&
      (platform === null || isBytes(platform, HASH_SIZE)) &&
      (height > 0 || (start === 0 && previous.every((byte) => byte === 0)))
    ) {
      return { origin, height, start, size, time, previous, tokens, platform };
    }
  }
  throw new MalformedData("not a block record");
}
