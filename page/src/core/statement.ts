// Signed statements: what a depositor or the notary signs, and what becomes a ledger entry.

import { equal, hex, type Int } from "./bytes.ts";
import { cborDecode, hasKeys, isBytes, isCount, isMap, type Cbor, type CborMap } from "./cbor.ts";
import * as cose from "./cose.ts";
import { MalformedData, VerificationFailed } from "./errors.ts";
import { thumbprintEd25519, verifyEd25519 } from "./keys.ts";
import { HASH_SIZE } from "./merkle.ts";

export const MAX_ENTRY = 65_535;
export const MAX_ORIGIN = 255;
export const NONCE_SIZE = 32;
const MATTER_ID_SIZE = 16;

const KINDS = [
  "deposit", "enrolment-request", "enrolment", "inspection", "block", "platform", "key", "notice", "recovery",
];
const CONTENT_TYPES = new Map(KINDS.map((kind) => [`application/vnd.sealbook.${kind}-v1+cbor`, kind]));

/** A parsed statement. Its signature is unverified until `verifyStatement` has returned. */
export interface Statement {
  readonly encoded: Uint8Array;
  readonly kind: string;
  readonly issuer: string;
  readonly subject: string;
  readonly issuedAt: Int;
  readonly keyId: Uint8Array;
  readonly payload: CborMap;
  readonly message: cose.Sign1;
}

/** An age file's payload: its size in bytes and its RFC 9162 root. */
export interface Payload {
  readonly size: Int;
  readonly root: Uint8Array;
}

/** Place in a matter: random id, number from 1, leaf hash of the statement before (null for 1). */
export interface Matter {
  readonly id: Uint8Array;
  readonly number: Int;
  readonly previous: Uint8Array | null;
}

/** What a depositor puts on record; `content` is null for a deposit of the commitment alone. */
export interface Deposit {
  readonly origin: string;
  readonly commitment: Uint8Array;
  readonly content: Payload | null;
  readonly manifest: Payload;
  readonly matter: Matter | null;
}

/** Return the statement in `data`. Throws MalformedData; verifies no signature. */
export function parseStatement(data: Uint8Array): Statement {
  if (data.length > MAX_ENTRY) throw new MalformedData(`a statement is over its limit of ${MAX_ENTRY} bytes`);
  const message = cose.parseSign1(data);
  if (message.unprotected.size > 0) throw new MalformedData("a statement's unprotected header must be empty");
  if (message.payload === null) throw new MalformedData("a statement has no payload");
  const header = message.protected;
  const claims = header.get(cose.CWT_CLAIMS);
  if (
    !hasKeys(header, cose.ALG, cose.CONTENT_TYPE, cose.KID, cose.CWT_CLAIMS) ||
    !hasKeys(claims, cose.ISS, cose.SUB, cose.IAT)
  ) {
    throw new MalformedData("a statement's protected header is not as specified");
  }
  const contentType = header.get(cose.CONTENT_TYPE), keyId = header.get(cose.KID);
  const issuer = claims.get(cose.ISS), subject = claims.get(cose.SUB), issuedAt = claims.get(cose.IAT);
  if (
    header.get(cose.ALG) !== cose.EDDSA || typeof contentType !== "string" || !isBytes(keyId) ||
    typeof issuer !== "string" || typeof subject !== "string"
  ) {
    throw new MalformedData("a statement's protected header is not as specified");
  }
  const kind = CONTENT_TYPES.get(contentType);
  if (kind === undefined) throw new MalformedData("a statement has an unknown content type");
  if (kind !== "deposit" && subject !== kind) throw new MalformedData("a statement's subject is not its kind");
  if (keyId.length !== HASH_SIZE || !isCount(issuedAt)) {
    throw new MalformedData("a statement's key id or time is not as specified");
  }
  const payload = cborDecode(message.payload);
  if (!isMap(payload)) throw new MalformedData("a statement's payload is not a map");
  return { encoded: data, kind, issuer, subject, issuedAt, keyId, payload, message };
}

/** Throw VerificationFailed unless `key` (Ed25519) is the one named and signed the statement. */
export async function verifyStatement(statement: Statement, key: Uint8Array): Promise<void> {
  if (!equal(thumbprintEd25519(key), statement.keyId)) {
    throw new VerificationFailed("the statement names another key than the one at hand");
  }
  await verifyEd25519(key, cose.toBeSigned(statement.message), statement.message.signature);
}

/** Return the deposit in a statement of that kind. Throws MalformedData. */
export function parseDeposit(statement: Statement): Deposit {
  if (statement.kind !== "deposit") throw new MalformedData("the statement is not a deposit");
  if (!isAccount(statement.issuer)) throw new MalformedData("a deposit's issuer is not an account");
  const fields = new Map(statement.payload);
  const take = (name: string): Cbor | undefined => {
    const value = fields.get(name);
    fields.delete(name);
    return value;
  };
  const origin = take("origin"), commitment = take("commitment");
  const manifest = parsePayload(take("manifest"));
  const content = fields.has("content") ? parsePayload(take("content")) : null;
  const matter = fields.has("matter") ? parseMatter(take("matter")) : null;
  if (fields.size > 0 || !isOrigin(origin)) throw new MalformedData("a deposit's fields are not as specified");
  if (hasKeys(commitment, "sha-256")) {
    const root = commitment.get("sha-256");
    if (isBytes(root, HASH_SIZE)) {
      if (statement.subject !== hex(root)) throw new MalformedData("a deposit's subject is not its commitment");
      return { origin, commitment: root, content, manifest, matter };
    }
  }
  throw new MalformedData("a deposit's commitment is not as specified");
}

/** Return whether `value` is an account: 16 bytes in lower-case hexadecimal. */
export function isAccount(value: unknown): value is string {
  return typeof value === "string" && /^[0-9a-f]{32}$/.test(value);
}

/** Return whether `value` can name a ledger: ASCII, no space or plus, at most 255 bytes. */
export function isOrigin(value: unknown): value is string {
  return typeof value === "string" && /^[!-*,-~]{1,255}$/.test(value);
}

function parsePayload(value: Cbor | undefined): Payload {
  if (hasKeys(value, "size", "root")) {
    const size = value.get("size"), root = value.get("root");
    if (isCount(size) && isBytes(root, HASH_SIZE)) return { size, root };
  }
  throw new MalformedData("a deposit's age file is not named as specified");
}

function parseMatter(value: Cbor | undefined): Matter {
  if (hasKeys(value, "id", "number", "previous")) {
    const id = value.get("id"), number = value.get("number"), previous = value.get("previous");
    if (isBytes(id, MATTER_ID_SIZE) && isCount(number) && number > 0) {
      if (number === 1 && previous === null) return { id, number, previous };
      if (number !== 1 && isBytes(previous, HASH_SIZE)) return { id, number, previous };
    }
  }
  throw new MalformedData("a deposit's matter is not as specified");
}
