// Trust files, what a verifier brings: ledger/chain/trust.py.

import { TomlDate } from "smol-toml";
import { characters, equal, hex, type Int } from "./bytes.ts";
import { requireAuthority, type SealAnchor } from "./certificate.ts";
import { parseCheckpoint } from "./checkpoint.ts";
import { MalformedData, VerificationFailed } from "./errors.ts";
import { sha256 } from "./hash.ts";
import { thumbprintEd25519 } from "./keys.ts";
import { COSIGNATURE_ML_DSA_44, ED25519, parseNote } from "./note.ts";
import {
  hasQuorum, parsePolicy, requireQuorum, samePublic, verifySignatures, type Policy, type VerifiedCheckpoint,
} from "./policy.ts";
import { parsePem } from "./pem.ts";
import { REQUIRABLE } from "./report.ts";
import { parseRetired, parseRevokedSeals, policyAt, type Retired, type RevokedSeal } from "./retired.ts";
import { isOrigin, verifyStatement, type Statement } from "./statement.ts";
import { requireAuthorityCertificate, type Authority, type Doubts } from "./timestamp/authority.ts";
import { parseToml } from "./toml.ts";

export const MAX_TRUST = 1 << 18;
const MAX_AUTHORITIES = 16;
const MAX_AUTHORITY_NAME = 128;
const MAX_URL = 1024;
const MAX_ACCURACY = 3600n;
const OID = /^[0-2](\.(0|[1-9][0-9]{0,18})){1,20}$/;

export const DEFAULT_REQUIRED = ["depositor", "ledger", "block", "seal"];

/**
 * A verifier's policy. `at`, in POSIX seconds, is when the verifier asks, `doubts` are the hash functions that
 * it trusts no more; both stand in no file.
 */
export interface Trust {
  readonly origin: string;
  readonly issuer: string;
  readonly issued: number;
  readonly policy: Policy;
  readonly seals: readonly SealAnchor[];
  readonly required: readonly string[];
  readonly authorities: readonly Authority[];
  readonly at: Int | null;
  readonly doubts: Doubts;
  readonly retired: readonly Retired[];
  readonly revokedSeals: readonly RevokedSeal[];
}

/** Return the trust file's content. Throws MalformedData. */
export function parseTrust(data: Uint8Array): Trust {
  let value: Record<string, unknown>;
  try {
    value = { ...parseToml(data, MAX_TRUST) };
  } catch (error) {
    if (!(error instanceof MalformedData)) throw error;
    throw new MalformedData(`not a trust file: ${error.message}`);
  }
  const { timestamp = [], retired = [], revoked_seal: revokedSeals = [], ...fields } = value;
  const { format, origin, issuer, issued, required, policy, seal, ...rest } = fields;
  if (
    format === "sealbook-trust-v2" && typeof issuer === "string" && issued instanceof TomlDate &&
    issued.isDateTime() && Array.isArray(required) && typeof policy === "string" && Array.isArray(seal) &&
    Object.keys(rest).length === 0
  ) {
    if (!isOrigin(origin) || issued.isLocal()) {
      throw new MalformedData("the trust file's origin or date is not as specified");
    }
    const parsed = readPolicy(policy, origin);
    return {
      origin,
      issuer,
      issued: Math.trunc(issued.getTime() / 1000),
      policy: parsed,
      seals: seal.map(parseSeal),
      required: parseRequired(required, needsWitnesses(parsed, origin)),
      authorities: parseAuthorities(timestamp),
      at: null,
      doubts: [],
      retired: parseRetired(retired, origin, parsed),
      revokedSeals: parseRevokedSeals(revokedSeals),
    };
  }
  throw new MalformedData("not a trust file: its fields are not as specified");
}

/** Return SHA-256 of `data` as eight groups of four hexadecimal digits, to compare by eye. */
export function fingerprint(data: Uint8Array): string {
  return hex(sha256(data)).slice(0, 32).match(/.{4}/g)!.join(" ");
}

/** Return who must have signed a checkpoint of `size` entries. */
export function trustPolicyAt(trust: Trust, size: Int): Policy {
  return policyAt(trust.policy, trust.origin, trust.retired, size);
}

/**
 * Return a checkpoint that the notary's own keys have signed as the policy requires; whether its witnesses make
 * up the quorum is another question. Throws MalformedData, VerificationFailed.
 */
export async function verifyOwn(trust: Trust, note: string): Promise<VerifiedCheckpoint> {
  const parsed = parseNote(note);
  const policy = trustPolicyAt(trust, parseCheckpoint(parsed.text).size);
  const verified = await verifySignatures(policy, parsed);
  const others = policy.witnesses.filter((each) => each.key.name !== trust.origin).map((each) => each.name);
  const signed = verified.witnesses.map(([name]) => name);
  requireQuorum(policy, verified, [...signed, ...others]);
  return verified;
}

/** Throw VerificationFailed unless a key of the notary, today's or a retired one, has signed. */
export async function verifyByLog(statement: Statement, trust: Trust): Promise<void> {
  const keys = [...trust.policy.logs.map((log) => log.key), ...trust.retired.map((each) => each.log)];
  const key = keys.find((each) => equal(thumbprintEd25519(each.public), statement.keyId));
  if (key === undefined) throw new VerificationFailed("a statement in the receipt is signed by an unknown key");
  await verifyStatement(statement, key.public);
}

/** Return whether a key of the notary, today's or a retired one, has signed. */
export async function isByLog(statement: Statement, trust: Trust): Promise<boolean> {
  try {
    await verifyByLog(statement, trust);
    return true;
  } catch (error) {
    if (!(error instanceof VerificationFailed)) throw error;
    return false;
  }
}

/** Return whether the quorum cannot be met by the notary's own keys alone. */
export function needsWitnesses(policy: Policy, origin: string): boolean {
  const own = policy.witnesses.filter((each) => each.key.name === origin).map((each) => each.name);
  return !hasQuorum(policy, own);
}

/** Return a policy that cannot be satisfied without both of the notary's own signatures. */
function readPolicy(text: string, origin: string): Policy {
  const policy = parsePolicy(text);
  const logs = policy.logs.map((log) => log.key);
  if (logs.length === 0 || logs.some((key) => key.name !== origin || key.algorithm !== ED25519)) {
    throw new MalformedData("the trust file's policy needs Ed25519 logs of its own origin");
  }
  const own = policy.witnesses.filter((each) => each.key.name === origin);
  const others = policy.witnesses.filter((each) => each.key.name !== origin);
  if (own.some((each) => each.key.algorithm !== COSIGNATURE_ML_DSA_44)) {
    throw new MalformedData("under the notary's name the policy can list ML-DSA-44 keys only");
  }
  if (hasQuorum(policy, others.map((each) => each.name))) {
    throw new MalformedData("the trust file's quorum can be met without the notary's ML-DSA-44 signature");
  }
  const notary = [...logs, ...own.map((each) => each.key)];
  if (others.some((each) => notary.some((key) => samePublic(key, each.key)))) {
    throw new MalformedData("the trust file lists a key of the notary as another's witness");
  }
  return policy;
}

function parseRequired(values: readonly unknown[], witnesses: boolean): string[] {
  const known = values.filter((each): each is string => (REQUIRABLE as readonly unknown[]).includes(each));
  if (values.length === 0 || known.length < values.length || new Set(known).size < known.length) {
    throw new MalformedData(`a trust file requires one or more of ${REQUIRABLE.join(", ")}`);
  }
  return witnesses && !known.includes("witnesses") ? [...known, "witnesses"] : known;
}

function parseAuthorities(values: unknown): Authority[] {
  if (!Array.isArray(values) || values.length > MAX_AUTHORITIES) {
    throw new MalformedData(`a trust file lists at most ${MAX_AUTHORITIES} timestamp authorities`);
  }
  const found = values.map(parseAuthority);
  if (new Set(found.map((each) => each.name)).size < found.length) {
    throw new MalformedData("two timestamp authorities in the trust file have the same name");
  }
  return found;
}

function parseAuthority(value: unknown): Authority {
  const { name, authority, accuracy, policy = null, url = null, ...rest } = tableOf(value);
  if (
    typeof name === "string" && name !== "" && characters(name) <= MAX_AUTHORITY_NAME &&
    typeof authority === "string" && typeof accuracy === "bigint" && accuracy >= 0n && accuracy <= MAX_ACCURACY &&
    Object.keys(rest).length === 0 && (policy === null || (typeof policy === "string" && OID.test(policy))) &&
    (url === null || isUrl(url))
  ) {
    const certificate = parsePem(authority, "a timestamp authority's");
    requireAuthorityCertificate(certificate);
    return { name, certificate, policy, accuracy: Number(accuracy), url };
  }
  throw new MalformedData("a timestamp authority in the trust file is not as specified");
}

function parseSeal(value: unknown): SealAnchor {
  const { subject, authority: pem, ...rest } = tableOf(value);
  if (typeof subject === "string" && subject !== "" && typeof pem === "string" && Object.keys(rest).length === 0) {
    const authority = parsePem(pem, "a seal's");
    requireAuthority(authority);
    return { subject, authority };
  }
  throw new MalformedData("a seal in the trust file is not a subject and its authority");
}

function isUrl(value: unknown): value is string {
  return typeof value === "string" && /^https?:\/\/[\x20-\x7e]*$/.test(value) && value.length <= MAX_URL;
}

function tableOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" ? { ...value } : {};
}
