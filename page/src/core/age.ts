// Evidence that was sealed for its reader: an age file, opened with its identity (ledger/cli/court/sealed.py).

import { armor, Decrypter } from "age-encryption";
import { decodeUtf8, equal, utf8 } from "./bytes.ts";
import { DecryptionFailed, MalformedData, NoMatchingIdentity, TooLarge, WrongPassphrase } from "./errors.ts";
import { BLOCK, type Source } from "./evidence/source.ts";

const VERSION = utf8("age-encryption.org/");
const ARMOR = "-----";
const MAX_ARMORED = 64 << 20;
const MAX_HEADER = 1 << 17;
const MAX_STANZAS = 64;
const MAX_IDENTITY_FILE = 1 << 20;
/** Bytes that tell an age file, also behind the blank lines that may precede an armored one. */
const HEAD = 256;
/** log2 of the largest scrypt N that the library computes: 1 GiB of memory. */
const MAX_WORK_FACTOR = 20;

/** Return whether `file` is an age file, binary or armored. */
export async function isSealed(file: Source): Promise<boolean> {
  const head = await file.read(0, Math.min(HEAD, file.size));
  return startsAge(head) || isArmored(head);
}

/**
 * Return the plaintext of an age file; nothing of it can be read before all of it is genuine.
 *
 * `identity` is an identity file as `age-keygen` writes it, in the clear or itself under `passphrase`; without
 * it, the passphrase opens the file. Throws NoMatchingIdentity, WrongPassphrase, DecryptionFailed, MalformedData.
 */
export async function unseal(
  file: Source, identity: Uint8Array | null, passphrase: string | null, progress: (done: number) => void = () => {},
): Promise<Source> {
  const sealed = isArmored(await file.read(0, Math.min(HEAD, file.size))) ? await withoutArmor(file) : file;
  const decrypter = new Decrypter();
  const kind = await requireHeader(sealed);
  if (identity !== null) {
    for (const each of await identitiesIn(identity, passphrase)) addIdentity(decrypter, each);
  } else {
    decrypter.addPassphrase(passphrase ?? "");
  }
  const none =
    identity === null && kind === "scrypt"
      ? new WrongPassphrase("the passphrase does not open the file; try again")
      : new NoMatchingIdentity("the file is not sealed for this identity; ask for a copy that is sealed for yours");
  return decrypted(decrypter, sealed, none, progress);
}

/** Return the identities in a file as `age-keygen` writes it: one a line, `#` for comments. */
async function identitiesIn(data: Uint8Array, passphrase: string | null): Promise<string[]> {
  if (data.length > MAX_IDENTITY_FILE) throw new MalformedData("the identity file is too large");
  let plain = data;
  if (startsAge(data) || isArmored(data)) {
    const none = new WrongPassphrase("the passphrase does not open the identity file; try again");
    const file = memory(data);
    const sealed = isArmored(data) ? await withoutArmor(file) : file;
    await requireHeader(sealed);
    const decrypter = new Decrypter();
    decrypter.addPassphrase(passphrase ?? "");
    const opened = await decrypted(decrypter, sealed, none, () => {});
    plain = await opened.read(0, opened.size);
  }
  const lines = decodeUtf8(plain, "the identity file").split(/\r\n|[\n\v\f\r\x1c-\x1e\x85\u2028\u2029]/);
  const found = lines.map((line) => line.trim()).filter((line) => line && !line.startsWith("#"));
  if (!found.length) throw new MalformedData("the identity file holds no identity");
  return found;
}

function addIdentity(decrypter: Decrypter, identity: string): void {
  try {
    decrypter.addIdentity(identity);
  } catch {
    throw new MalformedData(
      "not an age identity file: a line is neither an AGE-SECRET-KEY-1 nor an AGE-SECRET-KEY-PQ-1 identity",
    );
  }
}

/** Return the type of the first stanza of a header whose cost is bounded. Throws MalformedData. */
async function requireHeader(file: Source): Promise<string> {
  const head = await file.read(0, Math.min(MAX_HEADER, file.size));
  const text = new TextDecoder("latin1").decode(head);
  const end = text.indexOf("\n--- ");
  if (!startsAge(head) || end < 0) throw new MalformedData("the age header is cut short or too long");
  const stanzas = text.slice(0, end).match(/(?<=\n)-> .*/g) ?? [];
  if (stanzas.length < 1 || stanzas.length > MAX_STANZAS) {
    throw new MalformedData(`the age header has no stanza, or more than ${MAX_STANZAS}`);
  }
  const [, kind, , work] = stanzas[0]!.split(" ");
  if (kind === "scrypt" && Number(work) > MAX_WORK_FACTOR) {
    throw new TooLarge(
      `the age file asks for scrypt work 2^${Number(work)}, and this page computes 2^${MAX_WORK_FACTOR}; open it ` +
        "with `sealbook verify --identity`",
    );
  }
  return kind ?? "";
}

async function decrypted(
  decrypter: Decrypter, file: Source, none: DecryptionFailed, progress: (done: number) => void,
): Promise<Source> {
  const parts: Blob[] = [];
  try {
    const plain = await decrypter.decrypt(streamOf(file, progress));
    let [pieces, held]: [Uint8Array<ArrayBuffer>[], number] = [[], 0];
    const flush = () => {
      parts.push(new Blob(pieces));
      [pieces, held] = [[], 0];
    };
    for (const reader = plain.getReader(); ; ) {
      const { done, value } = await reader.read();
      if (done) break;
      pieces.push(value as Uint8Array<ArrayBuffer>);
      held += value.length;
      if (held >= BLOCK) flush();
    }
    flush();
  } catch (error) {
    const message = error instanceof Error ? error.message : "";
    if (message.includes("no identity matched")) throw none;
    if (message.includes("header HMAC")) throw new DecryptionFailed("the age header was changed: its MAC does not hold");
    if (/stanza|header|base64|bech32/i.test(message)) throw new MalformedData("the age header is not as specified");
    throw new DecryptionFailed("the age file is damaged, cut short or was changed; ask for a new copy of it");
  }
  return ofBlob(new Blob(parts));
}

function streamOf(file: Source, progress: (done: number) => void): ReadableStream<Uint8Array> {
  let offset = 0;
  return new ReadableStream({
    async pull(controller) {
      if (offset === file.size) return controller.close();
      const size = Math.min(BLOCK, file.size - offset);
      controller.enqueue(await file.read(offset, size));
      progress((offset += size));
    },
  });
}

async function withoutArmor(file: Source): Promise<Source> {
  if (file.size > MAX_ARMORED) throw new MalformedData(`an armored age file may have at most ${MAX_ARMORED} bytes`);
  try {
    return memory(armor.decode(new TextDecoder("latin1").decode(await file.read(0, file.size))));
  } catch {
    throw new MalformedData("the age armor is not as an encoder writes it");
  }
}

function startsAge(data: Uint8Array): boolean {
  return equal(data.subarray(0, VERSION.length), VERSION);
}

function isArmored(data: Uint8Array): boolean {
  return new TextDecoder("latin1").decode(data.subarray(0, HEAD)).replace(/^[ \t\r\n]+/, "").startsWith(ARMOR);
}

/** Return a source of bytes in memory. */
export function memory(data: Uint8Array): Source {
  return { size: data.length, read: async (offset, length) => data.subarray(offset, offset + length) };
}

/** Return a source that reads a Blob, as a File in the page is one. */
export function ofBlob(blob: Blob): Source {
  return {
    size: blob.size,
    read: async (offset, length) => new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer()),
  };
}
