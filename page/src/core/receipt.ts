// Receipts: ledger/chain/receipt.py.

import type { Int } from "./bytes.ts";
import { hasKeys, isBytes, isCount, type Cbor } from "./cbor.ts";
import { MAX_TOKENS } from "./block.ts";
import { formatSign1, parseSign1 } from "./cose.ts";
import { MalformedData } from "./errors.ts";
import { MAX_SIGNATURES } from "./note.ts";
import { parseProof } from "./proof.ts";
import { parsePath, RECEIPTS } from "./seal.ts";

export const MAX_RECEIPT = 1 << 20;
const MAX_OWN = 4;
const MAX_VALIDATION_ITEMS = 64;

/** An entry's index and its inclusion proof under the receipt's checkpoint. */
export interface Position {
  readonly index: Int;
  readonly proof: readonly Uint8Array[];
}

/** A timestamp token, or the record that renews it, over a note cut after its first `lines` lines. */
export interface TokenEntry {
  readonly lines: number;
  readonly der: Uint8Array;
}

/** A token that the block record names, and the note that it is over. */
export interface Earlier {
  readonly note: string;
  readonly token: TokenEntry;
}

/** What of a receipt says when. `own` are the depositor's tokens (DER) over the statement. */
export interface Times {
  readonly tokens: readonly TokenEntry[];
  readonly earlier: Earlier | null;
  readonly validation: readonly Uint8Array[];
  readonly own: readonly Uint8Array[];
}

/** The parts of a receipt; nothing in it is verified yet. */
export interface Receipt {
  readonly statement: Uint8Array;
  readonly position: Position;
  readonly note: string;
  readonly block: Uint8Array;
  readonly blockPosition: Position;
  readonly enrolment: Uint8Array;
  readonly enrolmentPosition: Position;
  readonly record: Uint8Array | null;
  readonly coseReceipt: Uint8Array;
  readonly times: Times;
}

/** Return the parts of the receipt in `data`. Throws MalformedData. */
export function parseReceipt(data: Uint8Array): Receipt {
  if (data.length > MAX_RECEIPT) throw new MalformedData(`a receipt is over its limit of ${MAX_RECEIPT} bytes`);
  const message = parseSign1(data);
  const statement = formatSign1({ ...message, unprotected: new Map() });
  const header = message.unprotected;
  const parts = header.get("sealbook");
  const names = ["proof", "block", "enrolment", "tokens", "earlier", "validation"];
  if (hasKeys(header, RECEIPTS, "sealbook") && hasKeys(parts, ...names)) {
    const receipts = listOf(header.get(RECEIPTS), 1);
    const [proofText, blockPart, enrolmentPart, tokens, earlier, validation] = names.map((each) => parts.get(each));
    const [block, blockIndex, blockPath] = listOf(blockPart, 3);
    const [enrolment, enrolmentIndex, enrolmentPath, record] = listOf(enrolmentPart, 4);
    if (
      isBytes(receipts[0]) && typeof proofText === "string" && isBytes(block) && isBytes(enrolment) &&
      (record === null || isBytes(record)) && Array.isArray(tokens) && Array.isArray(validation)
    ) {
      const proof = parseProof(proofText);
      if (proof.extra !== null) {
        throw new MalformedData("a receipt's proof carries data that nothing authenticates");
      }
      return {
        statement,
        position: { index: proof.index, proof: proof.hashes },
        note: proof.note,
        block,
        blockPosition: parsePosition(blockIndex, blockPath),
        enrolment,
        enrolmentPosition: parsePosition(enrolmentIndex, enrolmentPath),
        record,
        coseReceipt: receipts[0],
        times: parseTimes(tokens, earlier!, validation),
      };
    }
  }
  throw new MalformedData("not a receipt");
}

export function hasNoTimes(times: Times): boolean {
  const { tokens, earlier, validation, own } = times;
  return tokens.length + validation.length + own.length === 0 && earlier === null;
}

/** Return the token entries in a decoded list. Throws MalformedData. */
export function parseTokenEntries(tokens: readonly Cbor[]): TokenEntry[] {
  if (tokens.length > MAX_TOKENS) throw new MalformedData(`there are more than ${MAX_TOKENS} timestamp tokens`);
  return tokens.map(parseTokenEntry);
}

function parseTimes(tokens: readonly Cbor[], earlier: Cbor, validation: readonly Cbor[]): Times {
  if (validation.length > MAX_VALIDATION_ITEMS) throw new MalformedData("a receipt's tokens are not as specified");
  let found: Earlier | null = null;
  if (earlier !== null) {
    const [note, token] = listOf(earlier, 2);
    if (typeof note !== "string") throw new MalformedData("a receipt's earlier token is not as specified");
    found = { note, token: parseTokenEntry(token!) };
  }
  if (!validation.every((each) => isBytes(each))) {
    throw new MalformedData("a receipt's validation data is not as specified");
  }
  const isOwn = (each: Cbor) => listOf(each, 2)[0] === 0 && isBytes(listOf(each, 2)[1]);
  const behind = tokens.findIndex((each) => !isOwn(each));
  const count = behind < 0 ? tokens.length : behind;
  if (count > MAX_OWN) throw new MalformedData("a receipt's own tokens are too many");
  const own = tokens.slice(0, count).map((each) => listOf(each, 2)[1] as Uint8Array);
  return { tokens: parseTokenEntries(tokens.slice(count)), earlier: found, validation, own };
}

function parseTokenEntry(value: Cbor): TokenEntry {
  const [lines, der] = listOf(value, 2);
  if (typeof lines === "number" && lines >= 2 && lines <= MAX_SIGNATURES && isBytes(der)) return { lines, der };
  throw new MalformedData("a receipt's tokens are not as specified");
}

/** Return `value` where it is a list of `length`, else an empty one. */
function listOf(value: Cbor | undefined, length: number): readonly Cbor[] {
  return Array.isArray(value) && value.length === length ? value : [];
}

function parsePosition(index: Cbor | undefined, path: Cbor | undefined): Position {
  if (index !== undefined && path !== undefined && isCount(index)) return { index, proof: parsePath([0, index, path]).proof };
  throw new MalformedData("an inclusion proof is not as specified");
}
