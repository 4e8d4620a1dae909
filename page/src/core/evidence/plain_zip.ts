// Plain ZIP archives with exactly one form: ledger/evidence/plain_zip.py.
//
// Members are taken from the front, one after the other; the directory at the end is made anew from what was
// found, and must be what stands there, byte for byte. What one tool shows, every tool shows.

import CRC32 from "crc-32";
import { concat, decodeUtf8, equal, utf8 } from "../bytes.ts";
import { MalformedData } from "../errors.ts";
import { quoted } from "../quoted.ts";
import { BLOCK, type Source } from "./source.ts";

export const MAX_MEMBERS = 250_000;
const MAX_NAME = 512;

const LOCAL_SIZE = 30;
const SIZES64_SIZE = 20;
/** Sizes and offsets above this stand in ZIP64 fields. */
const SMALL = 0x7fffffff;
const ALL = 0xffffffff, ALL_SHORT = 0xffff;
/** Midnight of 1980-01-01. */
const DATE = 0x21;
const UNIX = 3, MODE = 0o644 * 2 ** 16;
const ANOTHER_FORM = "a member of the ZIP has a header of another form";

/** A member: its size in bytes, and where its header and its data begin. */
export interface Member {
  readonly name: string;
  readonly crc: number;
  readonly size: number;
  readonly header: number;
  readonly start: number;
}

/** Return the members of an archive, in their order. Throws MalformedData. */
export async function readZip(file: Source): Promise<Member[]> {
  const members: Member[] = [];
  let at = 0;
  for (let member; (member = await readLocal(file, at)) !== null; ) {
    if (members.length === MAX_MEMBERS) throw new MalformedData(`the ZIP has more than ${MAX_MEMBERS} members`);
    members.push(member);
    at = member.start + member.size;
    if (at > file.size) throw new MalformedData("a member of the ZIP is larger than the file");
  }
  if (!members.length) throw new MalformedData("not an evidence file: it does not begin as a ZIP does");
  const start = at;
  for (const entry of directory(members, start)) {
    if (!equal(await file.read(at, entry.length), entry)) throw notAsWritten();
    at += entry.length;
  }
  if (at !== file.size) throw notAsWritten();
  return members;
}

/** Return at most `size` bytes of a member from `offset` on. */
export function readMember(file: Source, member: Member, offset: number, size: number): Promise<Uint8Array> {
  return file.read(member.start + offset, Math.max(0, Math.min(size, member.size - offset)));
}

/** Throw MalformedData unless the member's CRC-32 is that of its bytes: other tools look. */
export async function checkMember(
  file: Source, member: Member, read: (more: number) => void = () => {},
): Promise<void> {
  let crc = 0;
  for (let offset = 0; offset < member.size; offset += BLOCK) {
    const block = await readMember(file, member, offset, BLOCK);
    crc = CRC32.buf(block, crc);
    read(block.length);
  }
  if (crc >>> 0 !== member.crc) {
    throw new MalformedData(
      `the ZIP states a checksum for ${quoted(member.name)} that is not that of its bytes: other tools would ` +
        "refuse it",
    );
  }
}

/** Return the member whose header begins at `at`, null where none does. */
async function readLocal(file: Source, at: number): Promise<Member | null> {
  const header = await file.read(at, LOCAL_SIZE);
  if (header.length !== LOCAL_SIZE || !equal(header.subarray(0, 4), Uint8Array.of(0x50, 0x4b, 3, 4))) return null;
  const view = new DataView(header.buffer, header.byteOffset, LOCAL_SIZE);
  const crc = view.getUint32(14, true);
  const [nameSize, extraSize] = [view.getUint16(26, true), view.getUint16(28, true)];
  if (nameSize > MAX_NAME || extraSize > SIZES64_SIZE) throw new MalformedData(ANOTHER_FORM);
  const encoded = await file.read(at + LOCAL_SIZE, nameSize);
  const extra = await file.read(at + LOCAL_SIZE + nameSize, extraSize);
  let size = view.getUint32(22, true);
  if (extra.length === SIZES64_SIZE) {
    // What is no safe integer is no size of a file, and so not of this form.
    size = Number(new DataView(extra.buffer, extra.byteOffset, SIZES64_SIZE).getBigUint64(12, true));
  }
  const name = decodeUtf8(encoded, "the name of a member of the ZIP");
  const form = local(name, crc, size);
  if (form === null || !equal(concat(header, encoded, extra), form)) throw new MalformedData(ANOTHER_FORM);
  return { name, crc, size, header: at, start: at + form.length };
}

function local(name: string, crc: number, size: number): Uint8Array | null {
  if (!Number.isSafeInteger(size)) return null;
  const encoded = utf8(name);
  const large = size > SMALL;
  const extra = large ? pack([1, 2], [16, 2], [size, 8], [size, 8]) : new Uint8Array();
  const stated = large ? ALL : size;
  const header = pack(
    [0x04034b50, 4], [large ? 45 : 20, 2], [flags(encoded), 2], [0, 2], [0, 2], [DATE, 2], [crc, 4], [stated, 4],
    [stated, 4], [encoded.length, 2], [extra.length, 2],
  );
  return concat(header, encoded, extra);
}

/** Yield the directory that ends the archive, whose members end at `start`. */
function* directory(members: readonly Member[], start: number): Generator<Uint8Array> {
  let size = 0;
  for (const member of members) {
    const encoded = utf8(member.name);
    const wide = member.size > SMALL ? [member.size, member.size] : [];
    const stated = wide.length ? ALL : member.size;
    let header = member.header;
    if (header > SMALL) {
      wide.push(header);
      header = ALL;
    }
    const fields = wide.map((value): Field => [value, 8]);
    const extra = wide.length ? pack([1, 2], [8 * wide.length, 2], ...fields) : new Uint8Array();
    const version = wide.length ? 45 : 20;
    const entry = pack(
      [0x02014b50, 4], [version, 1], [UNIX, 1], [version, 2], [flags(encoded), 2], [0, 2], [0, 2], [DATE, 2],
      [member.crc, 4], [stated, 4], [stated, 4], [encoded.length, 2], [extra.length, 2], [0, 2], [0, 2], [0, 2],
      [MODE, 4], [header, 4],
    );
    size += entry.length + encoded.length + extra.length;
    yield concat(entry, encoded, extra);
  }
  const count = members.length;
  if (count > ALL_SHORT || start > SMALL || size > SMALL) {
    yield pack([0x06064b50, 4], [44, 8], [45, 2], [45, 2], [0, 4], [0, 4], [count, 8], [count, 8], [size, 8], [start, 8]);
    yield pack([0x07064b50, 4], [0, 4], [start + size, 8], [1, 4]);
  }
  const short = Math.min(count, ALL_SHORT);
  yield pack(
    [0x06054b50, 4], [0, 2], [0, 2], [short, 2], [short, 2], [Math.min(size, ALL), 4], [Math.min(start, ALL), 4], [0, 2],
  );
}

function flags(encoded: Uint8Array): number {
  return encoded.every((byte) => byte < 0x80) ? 0 : 0x800;
}

type Field = readonly [value: number, size: 1 | 2 | 4 | 8];

/** Return integers of these sizes in bytes, little-endian. */
function pack(...fields: Field[]): Uint8Array {
  const data = new Uint8Array(fields.reduce((sum, [, size]) => sum + size, 0));
  const view = new DataView(data.buffer);
  let at = 0;
  for (const [value, size] of fields) {
    if (size === 8) view.setBigUint64(at, BigInt(value), true);
    else if (size === 4) view.setUint32(at, value, true);
    else if (size === 2) view.setUint16(at, value, true);
    else view.setUint8(at, value);
    at += size;
  }
  return data;
}

function notAsWritten(): MalformedData {
  return new MalformedData(
    "the ZIP is not as it was written: it is cut short, changed, or other tools could show other files in it",
  );
}
