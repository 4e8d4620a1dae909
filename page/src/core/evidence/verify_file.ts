// The check of a file, as `sealbook verify FILE --trust T` makes it: a receipt or an evidence file, sealed or not.

import { isSealed, unseal } from "../age.ts";
import { equal, utf8, type Int } from "../bytes.ts";
import { InvalidInput, SealbookError } from "../errors.ts";
import { parseInspections, sortInspections, type InspectionRecord } from "../inspection.ts";
import { leafHash } from "../merkle.ts";
import { MAX_RECEIPT } from "../receipt.ts";
import { readRenewed, type Renewed } from "../renewal/renewed.ts";
import type { Doubts } from "../timestamp/authority.ts";
import { fingerprint, type Trust } from "../trust.ts";
import { parseDepositReceipt, verifyParsed, type Step, type VerifiedReceipt } from "../verify.ts";
import { verifyDeposits, type DisclosedDeposit, type FileReport } from "./casefile.ts";
import { isWorthReading, readEvidence, recomputeOpening } from "./file.ts";
import { shownOf, type ShownDocument } from "./shown.ts";
import { BLOCK, Buffered, type Source } from "./source.ts";

/** What is trusted: a trust file, parsed, and its bytes. */
export interface Trusted {
  readonly trust: Trust;
  readonly data: Uint8Array;
}

/** What a file is read for. */
export type Pass = "unsealing" | "record" | "content" | "checksums";

export interface Options {
  /** The bytes of an evidence record over the file. */
  readonly record?: Uint8Array;
  /** The bytes of a file of inspection records. */
  readonly inspections?: Uint8Array;
  /** Hash functions that are trusted no more, from a POSIX second on. */
  readonly doubts?: Doubts;
  /** As of which POSIX second is asked whether what attests to the time still stands. */
  readonly at?: Int;
  /** An age identity file, or the line in it, and the passphrase of that file or of the sealed evidence. */
  readonly identity?: Uint8Array | string;
  readonly passphrase?: string;
  /** Called as the core's steps run, with the deposit's number from 0. */
  readonly onStep?: (deposit: number, step: Step) => void;
  /** Called with bytes read of `total`, for each of the passes over a file. */
  readonly onProgress?: (pass: Pass, done: number, total: number) => void;
}

/** What `sealbook verify --json` prints of a file. */
export interface Verdict extends FileReport {
  readonly trust: { readonly origin: string; readonly issuer: string; readonly fingerprint: string };
}

/** Why a file is none that can be verified: the code of an error, and its sentence. */
export interface Refusal {
  readonly refused: string;
  readonly detail: string;
}

/** The result of a check. Of a file that is not good nothing is shown, and nothing can be read. */
export interface FileResult {
  readonly verdict: Verdict | Refusal;
  /** What is shown, deposit by deposit. */
  readonly shown: readonly (readonly ShownDocument[])[];
  /** Return bytes of a deposit's content that was verified, fewer only where it ends. Throws InvalidInput. */
  read(deposit: number, content: number, offset: number, length: number): Promise<Uint8Array>;
}

export function isRefusal(verdict: Verdict | Refusal): verdict is Refusal {
  return "refused" in verdict;
}

/** Verify a file. What cannot be read is a refusal in the result; only an error of ours is thrown. */
export async function verifyFile(file: Source, trusted: Trusted, options: Options = {}): Promise<FileResult> {
  try {
    return await verified(file, trusted, options);
  } catch (error) {
    if (!(error instanceof SealbookError)) throw error;
    return resultOf({ refused: error.code, detail: error.message }, []);
  }
}

async function verified(file: Source, { trust, data }: Trusted, options: Options): Promise<FileResult> {
  const { record, inspections, at, doubts = [], onStep, onProgress } = options;
  const pass = (name: "unsealing" | "record", total: number) => (done: number) => onProgress?.(name, done, total);
  // A record is over the file as it lies there, sealed or not.
  const renewed = record === undefined ? null : await readRenewed(file, record, pass("record", file.size));
  const inspected = inspections === undefined ? [] : parseInspections(inspections);
  const opened = new Buffered((await isSealed(file)) ? await unsealed(file, options, pass("unsealing", file.size)) : file);
  const disclosed = await readDisclosed(opened);
  const sorted = sortInspections(inspected, disclosed.map(({ receipt }) => leafHash(receipt.statement.encoded)));
  const total = disclosed.reduce((sum, each) => sum + each.sizes.reduce((all, size) => all + size, 0), 0);
  const counted = (name: "content" | "checksums") => {
    let done = 0;
    return (more: number) => {
      done += more;
      if (done % BLOCK < more || done === total) onProgress?.(name, done, total);
    };
  };
  const [read, checked] = [counted("content"), counted("checksums")];
  const counting = disclosed.map((each): DisclosedDeposit => ({
    ...each,
    fetch: async (content, offset, size) => {
      const found = await each.fetch(content, offset, size);
      read(found.length);
      return found;
    },
    check: () => each.check(checked),
  }));
  const asked = { ...trust, ...(at === undefined ? {} : { at }), doubts };
  const report = await verifyDeposits(counting, asked, (number, each, used) =>
    verifyDisclosed(each, used, { renewed, inspections: sorted[number]! }, (step) => onStep?.(number, step)),
  );
  const { origin, issuer } = trust;
  return resultOf({ ...report, trust: { origin, issuer, fingerprint: fingerprint(data) } }, report.good ? disclosed : []);
}

/** Verify a disclosed deposit: first its receipt, then its content. Throws ReceiptRefused, MalformedData. */
async function verifyDisclosed(
  disclosed: DisclosedDeposit, trust: Trust,
  beside: { renewed: Renewed | null; inspections: readonly InspectionRecord[] }, onStep: (step: Step) => void,
): Promise<VerifiedReceipt> {
  const { opening } = disclosed;
  const found = await verifyParsed(disclosed.receipt, trust, {
    opening: async (alone) =>
      opening !== null && isWorthReading(disclosed, alone) ? recomputeOpening(disclosed, opening) : null,
    ...beside,
    onStep,
  });
  // Last: of content that was changed the report says more.
  await disclosed.check(() => {});
  return found;
}

async function readDisclosed(file: Source): Promise<DisclosedDeposit[]> {
  if (equal(await file.read(0, 2), utf8("PK"))) return readEvidence(file);
  const receipt = parseDepositReceipt(await file.read(0, MAX_RECEIPT + 1));
  const nothing = async () => new Uint8Array();
  return [{ receipt, opening: null, fetch: nothing, contents: [], sizes: [], check: async () => {} }];
}

async function unsealed(file: Source, options: Options, progress: (done: number) => void): Promise<Source> {
  const { identity, passphrase = null } = options;
  if (identity === undefined && passphrase === null) {
    throw new InvalidInput(
      "the file is sealed for a recipient (an age file); bring the identity file that opens it, or its passphrase",
    );
  }
  const lines = typeof identity === "string" ? utf8(identity) : identity;
  return unseal(file, lines ?? null, passphrase, progress);
}

function resultOf(verdict: Verdict | Refusal, good: readonly DisclosedDeposit[]): FileResult {
  return {
    verdict,
    shown: good.map(({ opening }) => (opening === null ? [] : shownOf(opening))),
    read: async (deposit, content, offset, length) => {
      const size = good[deposit]?.sizes[content];
      if (size === undefined || !(0 <= offset && offset <= size && 0 <= length)) {
        throw new InvalidInput("nothing is shown there");
      }
      return good[deposit]!.fetch(content, offset, length);
    },
  };
}
