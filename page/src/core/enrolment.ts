// How a key comes to belong to an account: ledger/chain/enrolment.py.

import { characters, concat, equal, type Int } from "./bytes.ts";
import { cborDecode, hasKeys, isBytes, isCount } from "./cbor.ts";
import { MalformedData, VerificationFailed } from "./errors.ts";
import { sha256 } from "./hash.ts";
import { ED25519_PUBLIC_SIZE } from "./keys.ts";
import { HASH_SIZE } from "./merkle.ts";
import { isAccount, isOrigin, NONCE_SIZE, type Statement } from "./statement.ts";

const MAX_RECORD = 16_384;
const MAX_RECORD_TEXT = 1_024;

/** Who an account is, as the office found it. */
export interface IdentityRecord {
  readonly name: string;
  readonly registration: string;
  readonly checkedBy: string;
  readonly checkedAt: Int;
}

/** The payload of the notary's enrolment entry. */
export interface Enrolment {
  readonly origin: string;
  readonly nonce: Uint8Array;
  readonly account: string;
  readonly key: Uint8Array;
  readonly role: "device" | "recovery";
  readonly record: Uint8Array;
  /** The id of the recovery key that endorsed a further device; null for what opened the account. */
  readonly endorser: Uint8Array | null;
}

/** Return the enrolment in a notary's statement of that kind. Throws MalformedData. */
export function parseEnrolment(statement: Statement): Enrolment {
  const value = statement.payload;
  const names = ["origin", "nonce", "account", "key", "role", "record"];
  const endorsed = hasKeys(value, ...names, "endorser");
  if (statement.kind === "enrolment" && (endorsed || hasKeys(value, ...names))) {
    const [origin, nonce, account, key, role, record] = names.map((each) => value.get(each));
    if (
      isOrigin(origin) && isBytes(nonce, NONCE_SIZE) && isAccount(account) && isBytes(key, ED25519_PUBLIC_SIZE) &&
      (role === "device" || role === "recovery") && isBytes(record, HASH_SIZE)
    ) {
      const made: Omit<Enrolment, "endorser"> = { origin, nonce, account, key, role, record };
      const endorser = value.get("endorser");
      if (!endorsed) return { ...made, endorser: null };
      if (isBytes(endorser, HASH_SIZE) && role === "device") return { ...made, endorser };
    }
  }
  throw new MalformedData("not an enrolment statement");
}

/** Return the identity record that the enrolment committed to. Throws VerificationFailed, MalformedData. */
export function verifyRecord(enrolment: Enrolment, record: Uint8Array): IdentityRecord {
  if (!equal(sha256(concat(enrolment.nonce, record)), enrolment.record)) {
    throw new VerificationFailed("the identity record is not the one that was enrolled");
  }
  return parseRecord(record);
}

function parseRecord(data: Uint8Array): IdentityRecord {
  if (data.length > MAX_RECORD) throw new MalformedData("the identity record is too large");
  const value = cborDecode(data);
  const names = ["salt", "name", "registration", "checked_by", "checked_at"];
  if (hasKeys(value, ...names)) {
    const [salt, name, registration, checkedBy, checkedAt] = names.map((each) => value.get(each));
    const isText = (each: unknown): each is string => typeof each === "string" && characters(each) <= MAX_RECORD_TEXT;
    if (isBytes(salt, NONCE_SIZE) && isText(name) && isText(registration) && isText(checkedBy) && isCount(checkedAt)) {
      return { name, registration, checkedBy, checkedAt };
    }
  }
  throw new MalformedData("not an identity record");
}
