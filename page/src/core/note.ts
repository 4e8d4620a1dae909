// C2SP signed-note: text signed by one or more keys.

import { b64decode, b64encode, characters, concat, equal, hex, parseHex, utf8 } from "./bytes.ts";
import { MalformedData } from "./errors.ts";
import { sha256 } from "./hash.ts";
import { ED25519_PUBLIC_SIZE, ML_DSA_44_PUBLIC_SIZE } from "./keys.ts";
import { quoted } from "./quoted.ts";

/** Signature types: over the text; cosignatures with a time (tlog-cosignature). */
export const ED25519 = 0x01, COSIGNATURE_ED25519 = 0x04, COSIGNATURE_ML_DSA_44 = 0x06;
export const MAX_SIGNATURES = 64;
export const MAX_NOTE_SIZE = 2 ** 19;
const MAX_NAME_SIZE = 255;
const KEY_ID_SIZE = 4;
const DASH = "— ";
/** What Python calls space, beside controls and "+". */
const NOT_IN_NAME = /[+\x00-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;

const PUBLIC_SIZES = new Map([
  [ED25519, ED25519_PUBLIC_SIZE],
  [COSIGNATURE_ED25519, ED25519_PUBLIC_SIZE],
  [COSIGNATURE_ML_DSA_44, ML_DSA_44_PUBLIC_SIZE],
]);

/** A public key under a name. `identity` is equal for equal keys alone. */
export interface VerifierKey {
  readonly name: string;
  readonly algorithm: number;
  readonly public: Uint8Array;
  readonly keyId: Uint8Array;
  readonly identity: string;
}

/** A signature line, not verified. */
export interface Signature {
  readonly name: string;
  readonly keyId: Uint8Array;
  readonly signature: Uint8Array;
}

/** A signed note, not verified. `text` ends in a newline. */
export interface Note {
  readonly text: string;
  readonly signatures: readonly Signature[];
}

/** Return the key of a vkey, of a type that is verified here. Throws MalformedData. */
export function parseVkey(vkey: string): VerifierKey {
  const [first, second, ...rest] = vkey.split("+");
  if (second === undefined || rest.length === 0) {
    throw new MalformedData("not a verifier key of the form name+id+key");
  }
  const name = parseName(first!);
  const material = b64decode(rest.join("+"));
  if (material.length === 0 || material.length - 1 !== PUBLIC_SIZES.get(material[0]!)) {
    throw new MalformedData(`the verifier key of ${quoted(name)} is of an unknown type or a wrong length`);
  }
  const digest = sha256(concat(utf8(`${name}\n`), material));
  const keyId = digest.slice(0, KEY_ID_SIZE);
  if (!equal(parseHex(second, KEY_ID_SIZE), keyId)) {
    throw new MalformedData(`the verifier key of ${quoted(name)} does not have the key id it states`);
  }
  return { name, algorithm: material[0]!, public: material.slice(1), keyId, identity: hex(digest) };
}

/** Return a note with its signatures unverified. Throws MalformedData. */
export function parseNote(note: string): Note {
  if (characters(note) > MAX_NOTE_SIZE) throw new MalformedData(`the note is over ${MAX_NOTE_SIZE} bytes`);
  if (/[\x00-\x09\x0b-\x1f]/.test(note)) throw new MalformedData("the note holds a control character");
  const end = note.lastIndexOf("\n\n") + 1;
  if (end === 0) throw new MalformedData("a signed note has an empty line before its signatures");
  const lines = note.slice(end + 1).split("\n");
  if (lines.pop() !== "" || lines.length < 1 || lines.length > MAX_SIGNATURES) {
    throw new MalformedData(`a signed note ends in 1 to ${MAX_SIGNATURES} signature lines`);
  }
  const signatures = lines.map(parseSignature);
  if (new Set(signatures.map((each) => hex(each.keyId) + each.name)).size < signatures.length) {
    throw new MalformedData("a signed note has two signature lines of one name and key id");
  }
  return { text: note.slice(0, end), signatures };
}

export function formatNote(note: Note): string {
  const lines = note.signatures.map(
    (each) => `${DASH}${each.name} ${b64encode(concat(each.keyId, each.signature))}\n`,
  );
  return `${note.text}\n${lines.join("")}`;
}

/** Return the note up to and with its first `lines` signature lines. Throws MalformedData. */
export function firstLines(note: string, lines: number): string {
  const parsed = parseNote(note);
  if (lines < 1 || lines > parsed.signatures.length) {
    throw new MalformedData(`the note does not have ${lines} signature lines`);
  }
  return formatNote({ text: parsed.text, signatures: parsed.signatures.slice(0, lines) });
}

function parseSignature(line: string): Signature {
  const rest = line.startsWith(DASH) ? line.slice(DASH.length) : "";
  const space = rest.indexOf(" ");
  if (space < 0) throw new MalformedData("not a signature line");
  const data = b64decode(rest.slice(space + 1));
  if (data.length <= KEY_ID_SIZE) throw new MalformedData("a signature line is too short to hold a signature");
  const name = parseName(rest.slice(0, space));
  return { name, keyId: data.slice(0, KEY_ID_SIZE), signature: data.slice(KEY_ID_SIZE) };
}

function parseName(name: string): string {
  const size = utf8(name).length;
  if (size < 1 || size > MAX_NAME_SIZE || NOT_IN_NAME.test(name)) {
    throw new MalformedData(`a key name has 1 to ${MAX_NAME_SIZE} bytes, without spaces, controls or '+'`);
  }
  return name;
}
