// Strict encodings: UTF-8, base64, hexadecimal, decimals. Everything read here has exactly one accepted form.

import { MalformedData } from "./errors.ts";

/** An integer of our formats: a number where it is safe, a bigint beyond. Never both for one value. */
export type Int = number | bigint;

/** Largest integer in any format of ours. */
export const MAX_INTEGER = 2n ** 63n - 1n;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Return `text` in UTF-8; `text` has no lone surrogates, which no strict decoder lets through. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Return the text of UTF-8. Throws MalformedData, saying `what` is not one. */
export function decodeUtf8(data: Uint8Array, what: string): string {
  try {
    return decoder.decode(data);
  } catch {
    throw new MalformedData(`${what} is not UTF-8`);
  }
}

/** Return how many characters (code points) `text` has, as Python counts them. */
export function characters(text: string): number {
  let count = text.length;
  for (let i = 0; i + 1 < text.length; i++) {
    if (text.charCodeAt(i) >> 10 === 0x36 && text.charCodeAt(i + 1) >> 10 === 0x37) count--;
  }
  return count;
}

export function concat(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, each) => sum + each.length, 0));
  let at = 0;
  for (const each of parts) {
    whole.set(each, at);
    at += each.length;
  }
  return whole;
}

export function equal(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Return a negative, zero or positive number as `a` stands before, at or behind `b`, byte by byte. */
export function compare(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const difference = a[i]! - b[i]!;
    if (difference) return difference;
  }
  return a.length - b.length;
}

const DIGITS = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

export function hex(data: Uint8Array): string {
  let text = "";
  for (const byte of data) text += DIGITS[byte];
  return text;
}

/** Return exactly `length` bytes from lower-case hexadecimal. Throws MalformedData. */
export function parseHex(text: string, length: number): Uint8Array {
  if (text.length !== 2 * length || !/^[0-9a-f]*$/.test(text)) {
    throw new MalformedData(`not ${length} bytes in lower-case hexadecimal`);
  }
  return Uint8Array.from({ length }, (_, i) => parseInt(text.slice(2 * i, 2 * i + 2), 16));
}

/** Return standard base64 with padding (RFC 4648 section 4). */
export function b64encode(data: Uint8Array): string {
  let text = "";
  for (let i = 0; i < data.length; i += 0x8000) {
    text += String.fromCharCode(...data.subarray(i, i + 0x8000));
  }
  return btoa(text);
}

/** Return the bytes of canonical padded base64. Throws MalformedData. */
export function b64decode(text: string): Uint8Array<ArrayBuffer> {
  let characters;
  try {
    characters = atob(text);
  } catch {
    throw new MalformedData("not base64");
  }
  const data = new Uint8Array(characters.length);
  for (let i = 0; i < data.length; i++) data[i] = characters.charCodeAt(i);
  if (b64encode(data) !== text) throw new MalformedData("base64 is not in its canonical form");
  return data;
}

/** Return a bigint as an `Int`. */
export function int(value: bigint): Int {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** Return a non-negative decimal without sign or leading zeros, at most `limit`. Throws MalformedData. */
export function parseDecimal(text: string, limit: bigint = MAX_INTEGER): Int {
  if (!/^(0|[1-9][0-9]{0,19})$/.test(text)) throw new MalformedData("not a canonical decimal number");
  const value = BigInt(text);
  if (value > limit) throw new MalformedData("decimal number is out of range");
  return int(value);
}

/** Return `value` as eight bytes, big-endian. */
export function u64(value: Int): Uint8Array {
  const data = new Uint8Array(8);
  if (typeof value === "bigint") {
    new DataView(data.buffer).setBigUint64(0, value);
  } else {
    for (let i = 7, rest = value; rest > 0; i--, rest = Math.floor(rest / 256)) data[i] = rest % 256;
  }
  return data;
}

/** Return the unsigned big-endian integer that `data` is. */
export function bigEndian(data: Uint8Array): bigint {
  return data.length === 0 ? 0n : BigInt(`0x${hex(data)}`);
}
