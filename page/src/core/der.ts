// DER, read strictly and as raw slices: ledger/crypto/der.py.

import { bigEndian, compare, concat } from "./bytes.ts";
import { MalformedData } from "./errors.ts";

export const BOOLEAN = 0x01, INTEGER = 0x02, BIT_STRING = 0x03, OCTET_STRING = 0x04, NULL = 0x05, OID = 0x06;
export const ENUMERATED = 0x0a, UTF8_STRING = 0x0c, UTC_TIME = 0x17, GENERALIZED_TIME = 0x18;
export const SEQUENCE = 0x30, SET = 0x31;

const MAX_CHILDREN = 100_000;
const MAX_LENGTH_BYTES = 4;

/** One element. `raw` is all of it, `content` what stands behind tag and length. */
export interface Element {
  readonly tag: number;
  readonly raw: Uint8Array;
  readonly content: Uint8Array;
}

/** Return the context-specific tag [number], 0 to 30. */
export function context(number: number, constructed = true): number {
  return 0x80 | (constructed ? 0x20 : 0) | number;
}

/** Return the one element that `data` is. Throws MalformedData, also for bytes behind it. */
export function read(data: Uint8Array): Element {
  const [element, end] = readAt(data, 0);
  if (end !== data.length) throw new MalformedData("there are bytes behind a DER element");
  return element;
}

/** Return the elements inside a constructed one, whose tag must be `tag` where one is given. */
export function children(element: Element, tag?: number): Element[] {
  if (!(element.tag & 0x20) || (tag !== undefined && element.tag !== tag)) {
    throw new MalformedData("a DER element is of another type than specified");
  }
  const found: Element[] = [];
  for (let position = 0; position < element.content.length; ) {
    if (found.length === MAX_CHILDREN) {
      throw new MalformedData(`a DER element holds more than ${MAX_CHILDREN} others`);
    }
    const [each, end] = readAt(element.content, position);
    found.push(each);
    position = end;
  }
  return found;
}

/** Return the value of an INTEGER or ENUMERATED in its shortest form. Throws MalformedData. */
export function parseInteger(element: Element, tag: number = INTEGER): bigint {
  const [first, second] = element.content;
  const padded = second !== undefined && (first === 0 || first === 0xff) && first >> 7 === second >> 7;
  if (element.tag !== tag || first === undefined || padded) throw new MalformedData("not a DER integer");
  return BigInt.asIntN(8 * element.content.length, bigEndian(element.content));
}

/** Return an object identifier in dotted form. Throws MalformedData. */
export function parseOid(element: Element): string {
  const content = element.content;
  if (element.tag !== OID || !content.length || content[content.length - 1]! & 0x80 || content.length > 64) {
    throw new MalformedData("not a DER object identifier");
  }
  const arcs: bigint[] = [];
  let value = 0n;
  content.forEach((byte, position) => {
    if (byte === 0x80 && (position === 0 || !(content[position - 1]! & 0x80))) {
      throw new MalformedData("not a DER object identifier");
    }
    value = (value << 7n) | BigInt(byte & 0x7f);
    if (!(byte & 0x80)) {
      arcs.push(value);
      value = 0n;
    }
  });
  const first = arcs[0]! < 80n ? arcs[0]! / 40n : 2n;
  return [first, arcs[0]! - 40n * first, ...arcs.slice(1)].join(".");
}

/** Return the bytes of a BIT STRING of whole bytes. Throws MalformedData. */
export function parseBits(element: Element): Uint8Array {
  if (element.tag !== BIT_STRING || element.content[0] !== 0) throw new MalformedData("not a DER bit string");
  return element.content.slice(1);
}

export function encode(tag: number, content: Uint8Array): Uint8Array {
  const size = content.length;
  if (size < 0x80) return concat(Uint8Array.of(tag, size), content);
  const length: number[] = [];
  for (let rest = size; rest > 0; rest = Math.floor(rest / 256)) length.unshift(rest % 256);
  return concat(Uint8Array.of(tag, 0x80 | length.length, ...length), content);
}

export function sequence(...elements: Uint8Array[]): Uint8Array {
  return encode(SEQUENCE, concat(...elements));
}

/** Return a SET OF, its encoded elements in DER's order (X.690 section 11.6). */
export function setOf(elements: readonly Uint8Array[], tag: number = SET): Uint8Array {
  return encode(tag, concat(...[...elements].sort(compare)));
}

/** Return an OBJECT IDENTIFIER of its dotted form. */
export function oid(dotted: string): Uint8Array {
  const [first, second, ...rest] = dotted.split(".").map(BigInt) as [bigint, bigint, ...bigint[]];
  const content = [40n * first + second, ...rest].flatMap((arc) => {
    const digits = [Number(arc & 0x7fn)];
    for (arc >>= 7n; arc > 0n; arc >>= 7n) digits.unshift(0x80 | Number(arc & 0x7fn));
    return digits;
  });
  return encode(OID, Uint8Array.from(content));
}

function readAt(data: Uint8Array, start: number): [Element, number] {
  if (data.length - start < 2 || (data[start]! & 0x1f) === 0x1f) throw new MalformedData("not a DER element");
  let size = data[start + 1]!;
  let position = start + 2;
  if (size & 0x80) {
    const count = size & 0x7f;
    const length = data.slice(position, position + count);
    size = Number(bigEndian(length));
    position += count;
    if (count < 1 || count > MAX_LENGTH_BYTES || length.length !== count || !length[0] || size < 0x80) {
      throw new MalformedData("the length of a DER element is not as specified");
    }
  }
  const end = position + size;
  if (end > data.length) throw new MalformedData("a DER element is cut short");
  return [{ tag: data[start]!, raw: data.slice(start, end), content: data.slice(position, end) }, end];
}
