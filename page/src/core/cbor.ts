// Deterministic CBOR (RFC 8949 section 4.2.1), as ledger/encoding.py accepts it: a value counts only if it
// re-encodes to the same bytes.

import { decode, encode, rfc8949EncodeOptions, Tokenizer, Type } from "cborg";
import { bigEndian, compare, decodeUtf8, equal, MAX_INTEGER, type Int } from "./bytes.ts";
import { MalformedData } from "./errors.ts";

export type Cbor = Int | Uint8Array | string | boolean | null | Cbor[] | CborMap;
export type CborMap = Map<Int | string | Uint8Array, Cbor>;

/** Items of a CBOR value unless the caller knows better. */
export const MAX_ITEMS = 8_192;
const MAX_DEPTH = 16;

/** cborg's reader, but texts are strictly UTF-8 and keep a byte order mark. */
class Strict extends Tokenizer {
  override next(): ReturnType<Tokenizer["next"]> {
    const token = super.next();
    if (token.type === Type.string && token.byteValue) token.value = decodeUtf8(token.byteValue, "CBOR text");
    return token;
  }
}

/** Return the value of deterministic CBOR. Throws MalformedData for anything else. */
export function cborDecode(data: Uint8Array, maxItems: number = MAX_ITEMS): Cbor {
  if (data.length > maxItems) requireFewItems(data, maxItems);
  const options = {
    allowIndefinite: false, allowUndefined: false, allowBigInt: true, strict: true, useMaps: true,
    retainStringBytes: true,
  };
  let value: Cbor, again: Uint8Array;
  try {
    value = decode(data, { ...options, tokenizer: new Strict(data, options) }) as Cbor;
    requireOurs(value, MAX_DEPTH);
    again = cborEncode(value);
  } catch (error) {
    if (error instanceof MalformedData) throw error;
    throw new MalformedData("not valid CBOR");
  }
  if (!equal(again, data)) throw new MalformedData("CBOR is not in its deterministic form");
  return value;
}

/** Return deterministic CBOR of a value of permitted types. */
export function cborEncode(value: Cbor): Uint8Array {
  return encode(value, rfc8949EncodeOptions);
}

export function isMap(value: Cbor | undefined): value is CborMap {
  return value instanceof Map;
}

/** Return whether `value` is a map with exactly these keys. */
export function hasKeys(value: Cbor | undefined, ...keys: (number | string)[]): value is CborMap {
  return isMap(value) && value.size === keys.length && keys.every((key) => value.has(key));
}

/** Return whether `value` is a byte string, of `size` bytes where that is given. */
export function isBytes(value: unknown, size?: number): value is Uint8Array {
  return value instanceof Uint8Array && (size === undefined || value.length === size);
}

/** Return whether `value` is a non-negative integer in range. */
export function isCount(value: unknown): value is Int {
  return (typeof value === "number" || typeof value === "bigint") && value >= 0 && value <= MAX_INTEGER;
}

/** Throw MalformedData for more items than `limit`, before any of them becomes an object. */
function requireFewItems(data: Uint8Array, limit: number): void {
  let at = 0;
  let count = 0;
  while (at < data.length) {
    if (++count > limit) throw new MalformedData(`CBOR has more than ${limit} items`);
    const head = data[at++]!;
    let argument = head & 0x1f;
    if (argument >= 24) {
      if (argument > 27) throw new MalformedData("not valid CBOR");
      const size = 1 << (argument - 24);
      argument = Number(bigEndian(data.subarray(at, at + size)));
      at += size;
    }
    if (head >> 5 === 2 || head >> 5 === 3) at += argument;
  }
}

/** Throw MalformedData for a type that has no place in our CBOR, or keys out of their order. */
function requireOurs(value: Cbor, depth: number): void {
  if (depth === 0) throw new MalformedData("CBOR is nested too deeply");
  if (value === null || typeof value === "string" || typeof value === "boolean" || isBytes(value)) return;
  if (isInteger(value)) {
    if (value < -MAX_INTEGER - 1n || value > MAX_INTEGER) throw new MalformedData("integer is out of range");
  } else if (Array.isArray(value)) {
    if (depth === 1 && value.length > 0) throw new MalformedData("CBOR is nested too deeply");
    for (const each of value) requireOurs(each, depth - 1);
  } else if (isMap(value)) {
    let last = new Uint8Array();
    for (const [key, each] of value) {
      if (!isInteger(key) && typeof key !== "string" && !isBytes(key)) {
        throw new MalformedData("map key is neither integer nor string");
      }
      const encoded = new Uint8Array(cborEncode(key));
      if (compare(encoded, last) <= 0) throw new MalformedData("CBOR is not in its deterministic form");
      last = encoded;
      requireOurs(each, depth - 1);
    }
  } else {
    throw new MalformedData("a type that has no place in our CBOR");
  }
}

function isInteger(value: unknown): value is Int {
  return typeof value === "bigint" || Number.isSafeInteger(value);
}
