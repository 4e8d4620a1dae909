// Evidence files, what a company hands to a court: ledger/evidence/file.py.

import { equal, hex } from "../bytes.ts";
import { MalformedData, VerificationFailed } from "../errors.ts";
import { sha256 } from "../hash.ts";
import { quoted } from "../quoted.ts";
import { MAX_RECEIPT } from "../receipt.ts";
import type { Report } from "../report.ts";
import { parseDepositReceipt, type OpenedDeposit } from "../verify.ts";
import type { DisclosedDeposit } from "./casefile.ts";
import { parseManifest, type Manifest } from "./manifest.ts";
import { memberNames } from "./names.ts";
import { recomputedCommitment } from "./opening.ts";
import { recomputePartial } from "./partial/checking.ts";
import { isPartial, parsePartial } from "./partial/form.ts";
import { piecesOf, type PartialOpening } from "./partial/views.ts";
import { checkMember, readMember, readZip, type Member } from "./plain_zip.ts";
import type { Source } from "./source.ts";

/** Bytes of an opening. */
const MAX_OPENING = 32 << 20;
const MAX_HOWTO = 1 << 16;
/** SHA-256 of the one HOWTO.txt that belongs there. */
const HOWTO = "35bc5ac8e91df92e88a837b4d3d021b799a37b9d5a9244dc6d7ccf903cfd10ec";

export function isManifest(opening: Manifest | PartialOpening): opening is Manifest {
  return "seed" in opening;
}

/** Return the deposits disclosed in `file`. Throws MalformedData. */
export async function readEvidence(file: Source): Promise<DisclosedDeposit[]> {
  const members = new Members(file, await readZip(file));
  if (hex(sha256(await members.next("HOWTO.txt", MAX_HOWTO))) !== HOWTO) {
    throw new MalformedData("the evidence file's HOWTO.txt is not the one that belongs there");
  }
  const deposits: DisclosedDeposit[] = [];
  while (members.left) deposits.push(await readDeposit(file, members, deposits.length + 1));
  if (!deposits.length) throw new MalformedData("not an evidence file: it holds no receipt");
  return deposits;
}

/** Return whether what was found of a receipt alone makes it worth while to read its content. */
export function isWorthReading(disclosed: DisclosedDeposit, alone: Report): boolean {
  return (
    disclosed.opening !== null &&
    alone.claims.every((claim) => claim.status !== "failed") &&
    alone.missing.every((name) => name === "content")
  );
}

/**
 * Return the commitment that the content shown gives, for `verifyParsed` to compare.
 *
 * The depositor inside the commitment is the key that the receipt's statement names, and so must the opening say.
 */
export async function recomputeOpening(
  disclosed: DisclosedDeposit, opening: Manifest | PartialOpening,
): Promise<OpenedDeposit> {
  const { receipt, fetch, contents, sizes } = disclosed;
  // Of content in which there is nothing to hash, nothing would be read: bytes put there would pass.
  for (const [n, [name, size]] of contents.entries()) {
    if (sizes[n] !== size) {
      return failed(`${quoted(name)} has ${sizes[n]} bytes, what was deposited had ${size}`);
    }
  }
  const { keyId } = receipt.statement;
  if (!isManifest(opening)) return recomputePartial(opening, keyId, fetch);
  if (!equal(opening.depositor, keyId)) {
    return failed("the opening names another depositor than the one that signed");
  }
  try {
    const commitment = await recomputedCommitment(opening, fetch);
    const renditions = new Map(
      [...opening.documents.entries()].flatMap(([number, { rendition, tool }]) =>
        rendition === null ? [] : [[number, { ...rendition.facts, tool }] as const],
      ),
    );
    return { commitment, documents: contents, renditions, cover: Object.fromEntries(opening.cover) };
  } catch (error) {
    if (error instanceof VerificationFailed) return failed(error.message);
    throw error;
  }
}

/** The archive's members, taken in the order in which an evidence file has them. */
class Members {
  readonly #file: Source;
  readonly #members: readonly Member[];
  #next = 0;

  constructor(file: Source, members: readonly Member[]) {
    this.#file = file;
    this.#members = members;
  }

  get left(): number {
    return this.#members.length - this.#next;
  }

  /** Return whether this member is the next. */
  has(name: string): boolean {
    return this.#members[this.#next]?.name === name;
  }

  /** Return the next member, which must have this name. */
  take(name: string): Member {
    if (!this.has(name)) throw new MalformedData(`the evidence file lacks ${quoted(name)} in its place`);
    return this.#members[this.#next++]!;
  }

  /** Return the whole of the next member. */
  async next(name: string, limit: number): Promise<Uint8Array> {
    const member = this.take(name);
    if (member.size > limit) {
      throw new MalformedData(`${quoted(name)} in the evidence file is over ${limit} bytes`);
    }
    await checkMember(this.#file, member);
    return readMember(this.#file, member, 0, member.size);
  }
}

async function readDeposit(file: Source, members: Members, number: number): Promise<DisclosedDeposit> {
  // A copy: the block that it was read in would stay in memory with it.
  const receipt = parseDepositReceipt((await members.next(`${number}/deposit.receipt`, MAX_RECEIPT)).slice());
  let opening: Manifest | PartialOpening | null = null;
  if (members.has(`${number}/opening.cbor`)) {
    const data = (await members.next(`${number}/opening.cbor`, MAX_OPENING)).slice();
    opening = isPartial(data) ? parsePartial(data) : parseManifest(data);
  }
  const names = opening === null ? [] : [...memberNames(opening)];
  const held = names.map((name) => members.take(`${number}/${name}`));
  return {
    receipt,
    opening,
    fetch: (n, offset, size) => readMember(file, held[n]!, offset, size),
    contents: opening === null ? [] : contentsOf(opening),
    sizes: held.map((member) => member.size),
    check: async (read) => {
      for (const member of held) await checkMember(file, member, read);
    },
  };
}

/** Return a name for people and the size in bytes of what comes with an opening. */
function contentsOf(opening: Manifest | PartialOpening): DisclosedDeposit["contents"] {
  if (isManifest(opening)) return opening.documents.map(({ name, size }) => [name, size]);
  return piecesOf(opening).map((piece) => [
    (piece.whole ? piece.name : piece.path) || `document ${piece.document + 1}`, piece.size,
  ]);
}

function failed(problem: string): OpenedDeposit {
  return { commitment: null, problem };
}
