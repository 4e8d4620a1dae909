// The commitment of a whole deposit, out of its manifest and its documents (ledger/evidence/opening.py).

import { equal } from "../bytes.ts";
import {
  commitLeaves, coverCommitment, coverView, depositCommitment, documentCommitment, documentSeed, KIND_BYTES,
  KIND_METADATA, KIND_STRUCTURE, VIEW_BYTES, VIEW_METADATA, VIEW_STRUCTURE, ViewBuilder, viewDigest, viewSeed,
} from "../commitment.ts";
import { VerificationFailed } from "../errors.ts";
import { quoted } from "../quoted.ts";
import { coverLeaves, type Manifest } from "./manifest.ts";
import { Cuts, structureLeaves } from "./parts.ts";
import { metadataLeaves } from "./records.ts";

/** fetch(n, offset, size) gives these bytes of document n, or of piece n, whose size is known to be right. */
export type Fetch = (content: number, offset: number, size: number) => Promise<Uint8Array>;

/** Read every document and return the commitment that they give. Throws VerificationFailed. */
export async function recomputedCommitment(manifest: Manifest, fetch: Fetch): Promise<Uint8Array> {
  const commitments: Uint8Array[] = [];
  for (const document of manifest.documents.keys()) commitments.push(await documentOf(manifest, document, fetch));
  const cover = coverCommitment(coverView(manifest.seed, coverLeaves(manifest)));
  return depositCommitment(manifest.seed, manifest.depositor, cover, commitments);
}

/** Return D_j. */
async function documentOf(manifest: Manifest, document: number, fetch: Fetch): Promise<Uint8Array> {
  const record = manifest.documents[document]!;
  const { cuts, parts } = manifest.index[document]!;
  const { splitter, version } = record;
  const secret = documentSeed(manifest.seed, document);
  const seeds = [VIEW_BYTES, VIEW_STRUCTURE, VIEW_METADATA].map((view) => viewSeed(secret, view));
  const content = new ViewBuilder(seeds[VIEW_BYTES]!, KIND_BYTES, { count: record.leaves, splitter, version });
  for (const { start, sizes } of new Cuts(record.size, cuts).segments()) {
    await content.extend(await readLeaves(fetch, document, start, sizes));
  }
  const commitment = documentCommitment(document, [
    viewDigest(VIEW_BYTES, content.finish()),
    viewDigest(
      VIEW_STRUCTURE,
      await commitLeaves(seeds[VIEW_STRUCTURE]!, KIND_STRUCTURE, splitter, version, structureLeaves(parts)),
    ),
    viewDigest(
      VIEW_METADATA, await commitLeaves(seeds[VIEW_METADATA]!, KIND_METADATA, "fields", 1, metadataLeaves(record)),
    ),
  ]);
  if (record.commitment !== null && !equal(record.commitment, commitment)) {
    throw new VerificationFailed(`the manifest names another commitment for ${quoted(record.name)}`);
  }
  return commitment;
}

/** Return leaves of these sizes, from `start` on. */
export async function readLeaves(
  fetch: Fetch, content: number, start: number, sizes: readonly number[],
): Promise<Uint8Array[]> {
  const data = await fetch(content, start, sizes.reduce((sum, each) => sum + each, 0));
  let at = 0;
  return sizes.map((size) => data.subarray(at, (at += size)));
}
