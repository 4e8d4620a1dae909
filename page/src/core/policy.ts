// C2SP tlog-policy: which logs and which quorum of witnesses make a checkpoint count.

import { characters, hex, parseDecimal } from "./bytes.ts";
import { parseCheckpoint, requireOrigin, type Checkpoint } from "./checkpoint.ts";
import { verifySignature, type Verified } from "./cosignature.ts";
import { MalformedData, VerificationFailed } from "./errors.ts";
import {
  COSIGNATURE_ED25519, COSIGNATURE_ML_DSA_44, ED25519, parseVkey, type Note, type VerifierKey,
} from "./note.ts";
import { quoted } from "./quoted.ts";
import { together } from "./together.ts";

const NO_QUORUM = "none";
const MAX_POLICY_SIZE = 2 ** 20;
const MAX_LINES_OF_A_KIND = 64;

export interface Log {
  readonly key: VerifierKey;
  readonly url: string | null;
}

export interface Witness {
  readonly name: string;
  readonly key: VerifierKey;
  readonly url: string | null;
}

/** Witnesses a checkpoint when `threshold` of its members do. */
export interface Group {
  readonly name: string;
  readonly threshold: number;
  readonly members: readonly string[];
}

/** Groups stand in the order of their definition. `quorum` is a name or "none". */
export interface Policy {
  readonly logs: readonly Log[];
  readonly witnesses: readonly Witness[];
  readonly groups: readonly Group[];
  readonly quorum: string;
}

/** A checkpoint and the known keys that signed it, witnesses beside their policy names. */
export interface VerifiedCheckpoint {
  readonly checkpoint: Checkpoint;
  readonly note: Note;
  readonly logs: readonly Verified[];
  readonly witnesses: readonly (readonly [string, Verified])[];
}

/** Return the policy that a text states. Throws MalformedData. */
export function parsePolicy(text: string): Policy {
  if (characters(text) > MAX_POLICY_SIZE) {
    throw new MalformedData(`the policy is over ${MAX_POLICY_SIZE} characters`);
  }
  if (/[\x00-\x08\x0b-\x1f\x7f]/.test(text) || !text.endsWith("\n")) {
    throw new MalformedData("a policy is lines of text without control characters, each ended");
  }
  const parser = new Parser();
  text.split("\n").slice(0, -1).forEach((line, index) => {
    const words = line.replace(/^[ \t]+|[ \t]+$/g, "").split(/[ \t]+/);
    if (words[0] === "" || words[0]!.startsWith("#")) return;
    try {
      parser.read(words);
    } catch (error) {
      if (!(error instanceof MalformedData)) throw error;
      throw new MalformedData(`policy, line ${index + 1}: ${error.message}`);
    }
  });
  return parser.policy();
}

/**
 * Check the signatures on a checkpoint, and not whether they are enough: every one by a key of the policy
 * holds, and a log whose name is the checkpoint's origin has signed. Throws MalformedData,
 * VerificationFailed.
 */
export async function verifySignatures(policy: Policy, note: Note): Promise<VerifiedCheckpoint> {
  const checkpoint = parseCheckpoint(note.text);
  const keys = new Map(keysOf(policy).map((key) => [nameOf(key), key]));
  const held = await together(
    note.signatures.flatMap((signature) => {
      const key = keys.get(nameOf(signature));
      return key === undefined ? [] : [verifySignature(key, signature, checkpoint)];
    }),
  );
  const verified = new Map(held.map((each) => [each.key.identity, each]));
  const logs = policy.logs.flatMap((log) => verified.get(log.key.identity) ?? []);
  if (!logs.some((log) => log.key.name === checkpoint.origin)) {
    throw new VerificationFailed(
      `The checkpoint of ${quoted(checkpoint.origin)} at size ${checkpoint.size} is not signed by a log that ` +
        "the policy names; it may be another ledger's, or the policy is too old.",
    );
  }
  const witnesses = policy.witnesses.flatMap((each): [string, Verified][] => {
    const seen = verified.get(each.key.identity);
    return seen === undefined ? [] : [[each.name, seen]];
  });
  return { checkpoint, note, logs, witnesses };
}

/** Throw VerificationFailed unless the witnesses of these names make up the quorum. */
export function requireQuorum(policy: Policy, verified: VerifiedCheckpoint, names: Iterable<string>): void {
  if (hasQuorum(policy, names)) return;
  const { origin, size } = verified.checkpoint;
  const signed = verified.witnesses.map(([name]) => quoted(name)).join(", ") || "none";
  throw new VerificationFailed(
    `The checkpoint of ${quoted(origin)} at size ${size} lacks the quorum ${quoted(policy.quorum)}; of the ` +
      `policy's witnesses these have signed: ${signed}.`,
  );
}

export function hasQuorum(policy: Policy, witnesses: Iterable<string>): boolean {
  const names = new Set(witnesses);
  for (const group of policy.groups) {
    const present = new Set(group.members.filter((member) => names.has(member))).size;
    if (present >= group.threshold) names.add(group.name);
  }
  return policy.quorum === NO_QUORUM || names.has(policy.quorum);
}

class Parser {
  private readonly lines = new Map<string, number>();
  private readonly logs: Log[] = [];
  private readonly witnesses: Witness[] = [];
  private readonly groups: Group[] = [];
  private quorum: string | null = null;
  private readonly defined = new Set<string>();
  private readonly members = new Set<string>();

  read(words: readonly string[]): void {
    const readers = new Map<string, [(words: readonly string[]) => void, number, number]>([
      ["log", [this.readLog, 1, 2]],
      ["witness", [this.readWitness, 2, 3]],
      ["group", [this.readGroup, 3, 2 + 2 * MAX_LINES_OF_A_KIND]],
      ["quorum", [this.readQuorum, 1, 1]],
    ]);
    const [kind, ...rest] = words as [string, ...string[]];
    const reader = readers.get(kind);
    if (reader === undefined || rest.length < reader[1] || rest.length > reader[2]) {
      throw new MalformedData("not a log, witness, group or quorum line");
    }
    const count = (this.lines.get(kind) ?? 0) + 1;
    this.lines.set(kind, count);
    if (count > MAX_LINES_OF_A_KIND) throw new MalformedData(`over ${MAX_LINES_OF_A_KIND} ${quoted(kind)} lines`);
    reader[0].call(this, rest);
  }

  policy(): Policy {
    if (this.quorum === null) throw new MalformedData("the policy has no quorum line");
    const { logs, witnesses, groups, quorum } = this;
    const policy = { logs, witnesses, groups, quorum };
    const byName = new Map<string, string>();
    for (const key of keysOf(policy)) {
      if ((byName.get(nameOf(key)) ?? key.identity) !== key.identity) {
        throw new MalformedData(`two keys of ${quoted(key.name)} have the same key id`);
      }
      byName.set(nameOf(key), key.identity);
    }
    return policy;
  }

  private readLog(words: readonly string[]): void {
    const key = parseVkey(words[0]!);
    requireOrigin(key.name);
    if (key.algorithm !== ED25519 && key.algorithm !== COSIGNATURE_ML_DSA_44) {
      throw new MalformedData("a log's key is of type 0x01 or 0x06");
    }
    if (this.logs.some((log) => samePublic(log.key, key))) throw new MalformedData("the same log key stands twice");
    this.logs.push({ key, url: words[1] ?? null });
  }

  private readWitness(words: readonly string[]): void {
    const name = this.define(words[0]!);
    const key = parseVkey(words[1]!);
    if (key.algorithm !== COSIGNATURE_ED25519 && key.algorithm !== COSIGNATURE_ML_DSA_44) {
      throw new MalformedData("a witness's key is of type 0x04 or 0x06");
    }
    if (this.witnesses.some((witness) => samePublic(witness.key, key))) {
      throw new MalformedData("the same witness key stands twice");
    }
    this.witnesses.push({ name, key, url: words[2] ?? null });
  }

  private readGroup(words: readonly string[]): void {
    const members = words.slice(2);
    for (const member of members) {
      if (!this.defined.has(member)) {
        throw new MalformedData(`the group member ${quoted(member)} is not defined above`);
      }
      if (this.members.has(member)) throw new MalformedData(`${quoted(member)} is a member of a group already`);
      this.members.add(member);
    }
    const name = this.define(words[0]!);
    this.groups.push({ name, threshold: parseThreshold(words[1]!, members.length), members });
  }

  private readQuorum(words: readonly string[]): void {
    if (this.quorum !== null) throw new MalformedData("a second quorum line");
    if (words[0] !== NO_QUORUM && !this.defined.has(words[0]!)) {
      throw new MalformedData(`the quorum ${quoted(words[0]!)} is not defined above`);
    }
    this.quorum = words[0]!;
  }

  private define(name: string): string {
    if (name === NO_QUORUM || this.defined.has(name)) {
      throw new MalformedData(`the name ${quoted(name)} is taken`);
    }
    this.defined.add(name);
    return name;
  }
}

export function samePublic(a: VerifierKey, b: VerifierKey): boolean {
  return hex(a.public) === hex(b.public);
}

function keysOf(policy: Pick<Policy, "logs" | "witnesses">): VerifierKey[] {
  return [...policy.logs, ...policy.witnesses].map((each) => each.key);
}

function nameOf(key: { readonly name: string; readonly keyId: Uint8Array }): string {
  return hex(key.keyId) + key.name;
}

function parseThreshold(word: string, members: number): number {
  if (word === "all") return members;
  if (word === "any") return 1;
  const threshold = Number(parseDecimal(word, BigInt(members)));
  if (threshold === 0) throw new MalformedData("a group's threshold is at least 1");
  return threshold;
}
