// Keys that the notary signs with no more, and what their signatures are still worth: ledger/chain/retired.py.

import { TomlDate } from "smol-toml";
import { hex, parseHex, type Int } from "./bytes.ts";
import { isCount } from "./cbor.ts";
import { MalformedData } from "./errors.ts";
import { HASH_SIZE } from "./merkle.ts";
import { COSIGNATURE_ML_DSA_44, ED25519, parseVkey, type VerifierKey } from "./note.ts";
import type { Group, Log, Policy, VerifiedCheckpoint, Witness } from "./policy.ts";

const MAX_RETIRED = 16;

/** A pair of log keys that signed no tree of more than `size` entries alone. */
export interface Retired {
  readonly log: VerifierKey;
  readonly cosigner: VerifierKey;
  readonly size: Int;
  /** The POSIX second from which on somebody else may have them, null where nobody does. */
  readonly revoked: number | null;
}

/** A key of the seal, by its thumbprint, that somebody else may have; `size` is the last tree it sealed. */
export interface RevokedSeal {
  readonly key: Uint8Array;
  readonly size: Int;
  readonly revoked: number;
}

/** Return the policy for a tree of `size` entries: there retired keys count as today's do. */
export function policyAt(policy: Policy, origin: string, retired: readonly Retired[], size: Int): Policy {
  const former = retired.filter((each) => size <= each.size);
  if (former.length === 0) return policy;
  const logs: Log[] = [...policy.logs, ...former.map((each) => ({ key: each.log, url: null }))];
  const own = policy.witnesses.filter((each) => each.key.name === origin);
  // A name with a space stands in no policy that was read.
  const earlier: Witness[] = former.map((each, n) => ({ name: `retired ${n}`, key: each.cosigner, url: null }));
  const renamed = policy.witnesses.map((each) => (own.includes(each) ? { ...each, name: `${each.name} today` } : each));
  const names = earlier.map((each) => each.name);
  const either: Group[] = own.map((each) => ({
    name: each.name, threshold: 1, members: [`${each.name} today`, ...names],
  }));
  return {
    logs, witnesses: [...renamed, ...earlier], groups: [...either, ...policy.groups], quorum: policy.quorum,
  };
}

/**
 * Return the POSIX second before which a checkpoint must have been stamped to count, null where keys of both
 * kinds that were not revoked have signed it.
 */
export function revocation(verified: VerifiedCheckpoint, retired: readonly Retired[]): number | null {
  const revoked = new Map<string, number>();
  for (const each of retired) {
    if (each.revoked === null) continue;
    revoked.set(each.log.identity, each.revoked);
    revoked.set(each.cosigner.identity, each.revoked);
  }
  const origin = verified.checkpoint.origin;
  const signed = verified.logs.map((each) => each.key);
  signed.push(...verified.witnesses.map(([, each]) => each.key).filter((key) => key.name === origin));
  const sound = new Set(signed.filter((key) => !revoked.has(key.identity)).map((key) => key.algorithm));
  if (sound.has(ED25519) && sound.has(COSIGNATURE_ML_DSA_44)) return null;
  return Math.min(...signed.flatMap((key) => revoked.get(key.identity) ?? []));
}

/** Return the log's retired keys, none of which is one of the policy. Throws MalformedData. */
export function parseRetired(values: unknown, origin: string, policy: Policy): Retired[] {
  const found = tables(values).map(parseOne);
  const used = [...policy.logs, ...policy.witnesses].map((each) => each.key);
  const keys = found.flatMap((each) => [each.log, each.cosigner]);
  const publics = new Set([...used, ...keys].map((key) => hex(key.public)));
  if (keys.some((key) => key.name !== origin) || publics.size < used.length + keys.length) {
    throw new MalformedData("a retired key in the trust file is another's, or is listed twice");
  }
  return found;
}

/** Return the keys of the seal that were revoked. Throws MalformedData. */
export function parseRevokedSeals(values: unknown): RevokedSeal[] {
  return tables(values).map((value) => {
    const { key, size, revoked, ...rest } = value;
    if (typeof key === "string" && isSize(size) && revoked !== undefined && Object.keys(rest).length === 0) {
      return { key: parseHex(key, HASH_SIZE), size, revoked: parseMoment(revoked) };
    }
    throw new MalformedData("a revoked seal in the trust file is not as specified");
  });
}

function tables(values: unknown): Record<string, unknown>[] {
  if (!Array.isArray(values) || values.length > MAX_RETIRED) {
    throw new MalformedData(`a trust file lists at most ${MAX_RETIRED} retired keys of a kind`);
  }
  return values.map((each: unknown) => (typeof each === "object" ? { ...each } : {}));
}

function parseOne(value: Record<string, unknown>): Retired {
  const { log, cosigner, size, revoked, ...rest } = value;
  if (typeof log === "string" && typeof cosigner === "string" && isSize(size) && Object.keys(rest).length === 0) {
    const [first, second] = [parseVkey(log), parseVkey(cosigner)];
    if (first.algorithm === ED25519 && second.algorithm === COSIGNATURE_ML_DSA_44) {
      return { log: first, cosigner: second, size, revoked: revoked === undefined ? null : parseMoment(revoked) };
    }
  }
  throw new MalformedData("a retired key in the trust file is not as specified");
}

function isSize(value: unknown): value is bigint {
  return typeof value === "bigint" && isCount(value);
}

/** Return the POSIX seconds of a TOML date and time with an offset. Throws MalformedData. */
function parseMoment(value: unknown): number {
  if (value instanceof TomlDate && value.isDateTime() && !value.isLocal()) {
    const time = value.getTime();
    if (time >= 0 && time % 1000 === 0) return time / 1000;
  }
  throw new MalformedData("when a key was revoked is a date and time of whole seconds, with an offset");
}
