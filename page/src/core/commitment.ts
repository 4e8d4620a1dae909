// The salted commitment to a deposit: ledger/crypto/commitment.py, whose head has the formulas.
//
// Documents are counted from 0; document `d` is s_j and D_j of j = d + 1.

import { hmac } from "@noble/hashes/hmac.js";
import { compare, concat, u64, utf8, type Int } from "./bytes.ts";
import { cborEncode } from "./cbor.ts";
import { sha256 } from "./hash.ts";
import { leafHash, nodeHash } from "./merkle.ts";
import { bitLength, padme } from "./padding.ts";

export const SEED_SIZE = 32;
/** Bytes of a leaf. */
export const MAX_LEAF = 16_384;
export const MIN_TREE = 8n;
export const MIN_COVER = 64n;

export const VIEW_BYTES = 0, VIEW_STRUCTURE = 1, VIEW_METADATA = 2, VIEW_COVER = 3;
export const KIND_HEADER = 0, KIND_BYTES = 1, KIND_STRUCTURE = 2, KIND_METADATA = 3, KIND_COVER = 4;

/** The cover's place in the tree over a deposit; document `d` stands at d + 1. */
export const COVER_PLACE = 0;

const LEAF = utf8("sealbook1/leaf\0");
const SALT = utf8("sealbook1/salt\0");
const DUMMY = utf8("sealbook1/dummy\0");
const PLACE = utf8("sealbook1/place\0");
const DOCUMENT_SEED = utf8("sealbook1/document-seed\0");
const VIEW_SEED = utf8("sealbook1/view-seed\0");

/** A committed view: C_0, its padded leaf count n' and its root V_w. */
export interface View {
  readonly header: Uint8Array;
  readonly padded: Int;
  readonly root: Uint8Array;
}

/** Leaf 0 of a view: the number of leaves after it, and the splitter that cut them. */
export interface ViewHeader {
  readonly count: Int;
  readonly splitter: string;
  readonly version: Int;
}

/** PRF(key, label, .) for many indices: HMAC with key and label hashed once for all. */
export class Prf {
  readonly #begun;
  readonly #state;

  constructor(key: Uint8Array, label: Uint8Array) {
    this.#begun = hmac.create(sha256, key).update(label);
    this.#state = this.#begun.clone();
  }

  at(index: Int): Uint8Array {
    return this.#begun._cloneInto(this.#state).update(u64(index)).digest();
  }
}

export function prf(key: Uint8Array, label: Uint8Array, index: Int): Uint8Array {
  return new Prf(key, label).at(index);
}

/** Return s_j, which opens document `document` of the deposit. */
export function documentSeed(seed: Uint8Array, document: number): Uint8Array {
  return prf(seed, DOCUMENT_SEED, document + 1);
}

/** Return v_jw, which opens one view of a document. */
export function viewSeed(secret: Uint8Array, view: number): Uint8Array {
  return prf(secret, VIEW_SEED, view);
}

/** Return the r_i of a view, each of which opens one leaf. */
export function leafSalts(seed: Uint8Array): Prf {
  return new Prf(seed, SALT);
}

/** A leaf before it is hashed: its view's kind, its index, its salt r_i and its data. */
export type SaltedLeaf = readonly [kind: number, index: Int, salt: Uint8Array, data: Uint8Array];

/** Small leaves that are hashed between two looks at what else is to be done. */
const AT_A_TIME = 128;

/** Bytes from which on the browser's own hash is faster, which answers later. */
const LARGE = 2048;

/** Return the leaf hashes (RFC 9162) of C_i of these leaves, in their order. */
export async function committedLeaves(leaves: readonly SaltedLeaf[]): Promise<Uint8Array[]> {
  const commitments = leaves.map((leaf) => (leaf[3].length < LARGE ? leafCommitment(...leaf) : largeCommitment(...leaf)));
  return (await Promise.all(commitments)).map(leafHash);
}

/** Return C_i. */
export function leafCommitment(...leaf: SaltedLeaf): Uint8Array {
  return sha256(salted(...leaf));
}

async function largeCommitment(...leaf: SaltedLeaf): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", salted(...leaf)));
}

function salted(...[kind, index, salt, data]: SaltedLeaf): Uint8Array<ArrayBuffer> {
  return concat(LEAF, Uint8Array.of(kind), u64(index), u64(data.length), salt, data);
}

/** Return C_0. */
export function headerCommitment(salt: Uint8Array, header: ViewHeader): Uint8Array {
  const data = cborEncode([header.count, header.splitter, header.version]);
  return leafCommitment(KIND_HEADER, 0, salt, data);
}

/** Return n' of n leaves, and m' of the cover and m documents, which are m + 1. */
export function paddedCount(count: Int): bigint {
  const padded = padme(BigInt(count));
  return padded < MIN_TREE ? MIN_TREE : padded;
}

/** Return n' of a cover of n fields, at least one. */
export function paddedCover(count: Int): bigint {
  const least = BigInt(count) - 1n;
  const padded = least < 1n ? 1n : 1n << BigInt(bitLength(least));
  return padded < MIN_COVER ? MIN_COVER : padded;
}

/** The root of a stream of leaves, in memory for one hash per level. */
export class RootBuilder {
  readonly #peaks: Uint8Array[] = [];
  size = 0;

  /** Add the next leaf by its hash. */
  append(hash: Uint8Array): void {
    for (let count = this.size++; count % 2; count = Math.floor(count / 2)) {
      hash = nodeHash(this.#peaks.pop()!, hash);
    }
    this.#peaks.push(hash);
  }

  /** Return the root over the leaves so far, at least one. */
  root(): Uint8Array {
    return this.#peaks.reduceRight((right, left) => nodeHash(left, right));
  }
}

/** A view that grows by the data of its leaves. */
export class ViewBuilder {
  readonly #salts: Prf;
  readonly #tree = new RootBuilder();
  readonly #kind: number;
  readonly #header: ViewHeader;

  constructor(seed: Uint8Array, kind: number, header: ViewHeader) {
    this.#salts = leafSalts(seed);
    this.#kind = kind;
    this.#header = header;
  }

  /** Take the next leaves. */
  async extend(leaves: readonly Uint8Array[]): Promise<void> {
    const first = this.#tree.size + 1;
    const hashes = await committedLeaves(
      leaves.map((data, i) => [this.#kind, first + i, this.#salts.at(first + i), data]),
    );
    for (const hash of hashes) this.#tree.append(hash);
  }

  /** Add the dummies and return the view. */
  finish(): View {
    const padded = Number(paddedCount(this.#tree.size));
    for (let index = this.#tree.size + 1; index <= padded; index++) {
      this.#tree.append(leafHash(prf(this.#salts.at(index), DUMMY, index)));
    }
    return { header: headerCommitment(this.#salts.at(0), this.#header), padded, root: this.#tree.root() };
  }
}

/** Return the view over small leaves held in memory. */
export async function commitLeaves(
  seed: Uint8Array, kind: number, splitter: string, version: Int, leaves: readonly Uint8Array[],
): Promise<View> {
  const view = new ViewBuilder(seed, kind, { count: leaves.length, splitter, version });
  for (let at = 0; at < leaves.length; at += AT_A_TIME) await view.extend(leaves.slice(at, at + AT_A_TIME));
  return view.finish();
}

/** Return what a document's commitment holds of one view. */
export function viewDigest(view: number, committed: View): Uint8Array {
  return sha256(
    concat(utf8("sealbook1/view\0"), Uint8Array.of(view), committed.header, u64(committed.padded), committed.root),
  );
}

/** Return D_j from its three view digests. */
export function documentCommitment(document: number, views: readonly Uint8Array[]): Uint8Array {
  return sha256(concat(utf8("sealbook1/document\0"), u64(document + 1), ...views));
}

/** Return the view over the fields of a deposit's cover, which stand in places that S decides. */
export function coverView(seed: Uint8Array, leaves: readonly Uint8Array[]): View {
  const secret = viewSeed(prf(seed, DOCUMENT_SEED, COVER_PLACE), VIEW_COVER);
  const padded = Number(paddedCover(leaves.length));
  const salts = leafSalts(secret);
  const places = new Prf(secret, PLACE);
  const order = Array.from({ length: padded }, (_, i) => [places.at(i + 1), i + 1] as const);
  order.sort(([a], [b]) => compare(a, b));
  const fields = new Map(leaves.map((data, k) => [order[k]![1], data]));
  const tree = new RootBuilder();
  for (let place = 1; place <= padded; place++) {
    const data = fields.get(place);
    const salt = salts.at(place);
    tree.append(leafHash(data ? leafCommitment(KIND_COVER, place, salt, data) : prf(salt, DUMMY, place)));
  }
  const header = headerCommitment(salts.at(0), { count: leaves.length, splitter: "cover", version: 1 });
  return { header, padded, root: tree.root() };
}

/** Return D_0 from the cover's view. */
export function coverCommitment(view: View): Uint8Array {
  return sha256(concat(utf8("sealbook1/cover\0"), viewDigest(VIEW_COVER, view)));
}

/** Return R over D_0, the cover, and every D_j; `depositor` is the thumbprint of the signing key. */
export function depositCommitment(
  seed: Uint8Array, depositor: Uint8Array, cover: Uint8Array, documents: readonly Uint8Array[],
): Uint8Array {
  const tree = new RootBuilder();
  for (const each of [cover, ...documents]) tree.append(leafHash(each));
  const padded = Number(paddedCount(tree.size));
  const seeds = new Prf(seed, DOCUMENT_SEED);
  for (let place = tree.size; place < padded; place++) tree.append(leafHash(prf(seeds.at(place), DUMMY, place)));
  return commitmentFromRoot(depositor, padded, tree.root());
}

/** Return R from the padded size of the tree over cover and documents, and its root. */
export function commitmentFromRoot(depositor: Uint8Array, padded: Int, root: Uint8Array): Uint8Array {
  return sha256(concat(utf8("sealbook1/deposit\0"), depositor, u64(padded), root));
}
