// Checking a partial opening: the commitment that follows from what it shows (ledger/evidence/partial/checking.py).

import { int, type Int } from "../../bytes.ts";
import {
  commitmentFromRoot, COVER_PLACE, coverCommitment, committedLeaves, documentCommitment, headerCommitment, KIND_BYTES,
  KIND_COVER, KIND_METADATA, KIND_STRUCTURE, SEED_SIZE, VIEW_BYTES, VIEW_COVER, VIEW_METADATA, VIEW_STRUCTURE,
  ViewBuilder, viewDigest, type SaltedLeaf, type View,
} from "../../commitment.ts";
import { VerificationFailed } from "../../errors.ts";
import { leafHash } from "../../merkle.ts";
import { rootFromMultiProof, type PlacedLeaf } from "../../multiproof.ts";
import type { Facts } from "../../report.ts";
import type { OpenedDeposit } from "../../verify.ts";
import { Rendition } from "../records.ts";
import { readLeaves, type Fetch } from "../opening.ts";
import {
  documentPieces, isPart, isWhole, openedCover, openedHeader, placed, placeOf,
  type DocumentOpening, type Hidden, type PartialOpening, type PartOfView, type Run, type WholeBytes,
} from "./views.ts";

/** Leaves of a run that are read and hashed at a time, up to a block. */
const AT_A_TIME = 64;

const KINDS = new Map([
  [VIEW_BYTES, KIND_BYTES], [VIEW_STRUCTURE, KIND_STRUCTURE], [VIEW_METADATA, KIND_METADATA], [VIEW_COVER, KIND_COVER],
]);

/**
 * Return the commitment that the opening and its content give, for `verifyReceipt` to compare.
 *
 * `fetch(piece, offset, size)` gives bytes of a piece. `depositor` is the thumbprint that the statement names.
 */
export async function recomputePartial(
  opening: PartialOpening, depositor: Uint8Array, fetch: Fetch,
): Promise<OpenedDeposit> {
  const hashes: PlacedLeaf[] = [];
  let number = 0;
  let root;
  try {
    for (const each of opening.documents) {
      const digests = [
        await digest(VIEW_BYTES, each.content, number, fetch),
        await digest(VIEW_STRUCTURE, each.structure, number, fetch),
        await digest(VIEW_METADATA, each.metadata, number, fetch),
      ];
      number += documentPieces(each).length;
      hashes.push([BigInt(each.document + 1), leafHash(documentCommitment(each.document, digests))]);
    }
    if (opening.cover !== null) {
      const cover = await partView(VIEW_COVER, opening.cover, number, fetch);
      hashes.unshift([BigInt(COVER_PLACE), leafHash(coverCommitment(cover))]);
    }
    root = rootFromMultiProof(hashes, BigInt(opening.padded), opening.proof);
  } catch (error) {
    if (error instanceof VerificationFailed) return { commitment: null, problem: error.message };
    throw error;
  }
  return {
    commitment: commitmentFromRoot(depositor, opening.padded, root),
    shown: opening.documents.map(shown),
    cover: Object.fromEntries(openedCover(opening)),
  };
}

async function digest(
  view: number, shown: Hidden | PartOfView | WholeBytes, piece: number, fetch: Fetch,
): Promise<Uint8Array> {
  if (isWhole(shown)) return viewDigest(view, await wholeView(shown, piece, fetch));
  return isPart(shown) ? viewDigest(view, await partView(view, shown, piece, fetch)) : shown;
}

async function wholeView(shown: WholeBytes, piece: number, fetch: Fetch): Promise<View> {
  const { splitter, version, cuts } = shown;
  const builder = new ViewBuilder(shown.seed, KIND_BYTES, { count: cuts.count, splitter, version });
  for (const { start, sizes } of cuts.segments()) {
    await builder.extend(await readLeaves(fetch, piece, start, sizes));
  }
  return builder.finish();
}

async function partView(view: number, shown: PartOfView, piece: number, fetch: Fetch): Promise<View> {
  const kind = KINDS.get(view)!;
  const hashes = await placedLeaves(shown.leaves.map(({ index, salt, data }) => [kind, index, salt, data]));
  for (const [number, run] of shown.runs.entries()) await addRun(hashes, run, piece + number, fetch);
  const root = rootFromMultiProof(hashes, BigInt(shown.padded), shown.proof);
  const { header } = shown;
  return {
    header: "header" in header ? headerCommitment(header.salt, header.header) : header,
    padded: shown.padded,
    root,
  };
}

async function addRun(hashes: PlacedLeaf[], run: Run, piece: number, fetch: Fetch): Promise<void> {
  let [at, offset] = [0, 0];
  while (at < run.sizes.length) {
    const sizes = run.sizes.slice(at, at + AT_A_TIME);
    const leaves = (await readLeaves(fetch, piece, offset, sizes)).map((data, i): SaltedLeaf => {
      const salt = run.salts.subarray((at + i) * SEED_SIZE, (at + i + 1) * SEED_SIZE);
      offset += data.length;
      return [KIND_BYTES, int(BigInt(run.first) + BigInt(at + i)), salt, data];
    });
    for (const each of await placedLeaves(leaves)) hashes.push(each);
    at += sizes.length;
  }
}

async function placedLeaves(leaves: readonly SaltedLeaf[]): Promise<PlacedLeaf[]> {
  const hashes = await committedLeaves(leaves);
  return leaves.map(([, index], i) => [BigInt(index) - 1n, hashes[i]!]);
}

/** Return what a report says of a document that was opened in part; counted from 1. */
function shown(opening: DocumentOpening): Facts {
  const { content, structure, fields } = opening;
  const pieces = documentPieces(opening);
  const whole = isWhole(content);
  const positions = placed(opening, ([position]) => position);
  const total = openedHeader(structure)?.count ?? null;
  const made = fields.get("rendition");
  const others = [...fields].filter(([field]) => field !== "name" && field !== "rendition");
  return {
    document: opening.document + 1,
    name: fields.get("name") ?? null,
    whole,
    size: whole ? content.size : null,
    fields: Object.fromEntries(others),
    rendition: made instanceof Rendition ? made.facts : null,
    pieces: whole ? content.cuts.count : ((openedHeader(content)?.count as Int | undefined) ?? null),
    parts: whole ? [] : pieces.map((piece) => ({
      path: piece.path,
      position: positions.get(placeOf(piece.first, piece.count)) ?? null,
      total,
      first: piece.first,
      count: piece.count,
      size: piece.size,
      offset: piece.offset,
    })),
  };
}
