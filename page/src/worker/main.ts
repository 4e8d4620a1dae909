// The worker that verifies: questions in, answers out, and what goes on meanwhile.

import { isSealed, memory, ofBlob } from "../core/age.ts";
import { equal, hex } from "../core/bytes.ts";
import { MalformedData } from "../core/errors.ts";
import { MAX_MAIL, readMail } from "../core/evidence/mail.ts";
import type { Source } from "../core/evidence/source.ts";
import { isRefusal, verifyFile, type FileResult, type Trusted } from "../core/evidence/verify_file.ts";
import { MAX_INSPECTIONS, parseInspections } from "../core/inspection.ts";
import { sha256 } from "../core/hash.ts";
import { fingerprint, parseTrust } from "../core/trust.ts";
import { compared } from "./comparing.ts";
import { kindOf } from "./kinds.ts";
import type { Answer, Asked, Content, FromWorker, Progress, Question, Result, ToWorker, TrustShown } from "./protocol.ts";

const BLOCK = 4 << 20;
const MAX_RECORD = 16 << 20;

class Refused extends Error {
  constructor(readonly code: string, message: string) {
    super(message);
  }
}

/** Results that can be read in, by the number of the question that brought them. */
const results = new Map<number, FileResult>();

async function answer(id: number, question: Question, tell: (each: Progress) => void): Promise<Answer> {
  switch (question.ask) {
    case "trust":
      return { told: "trust", trust: trustShown(question.data) };
    case "kinds":
      return { told: "kinds", kinds: await Promise.all(question.files.map(kindOf)) };
    case "verify":
      return { told: "result", result: await verified(id, question.asked, tell) };
    case "mail":
      return { told: "mail", mail: await readMail(await bytes(question.result, question.deposit, question.content, 0, MAX_MAIL + 1)) };
    case "read":
      return { told: "bytes", data: await bytes(question.result, question.deposit, question.content, question.offset, question.size) };
  }
}

/** The trust file that was asked about last: one stands behind many questions. */
let last: Trusted | null = null;

function trusted(data: Uint8Array): Trusted {
  if (last === null || !equal(last.data, data)) last = { trust: parseTrust(data), data };
  return last;
}

function trustShown(data: Uint8Array): TrustShown {
  const { origin, issuer, issued, required } = trusted(data).trust;
  return { origin, issuer, issued, required, fingerprint: fingerprint(data), sha256: hex(sha256(data)) };
}

async function verified(id: number, asked: Asked, tell: (each: Progress) => void): Promise<Result> {
  const { file, record, inspections, trust, at, doubts, identity, passphrase, others } = asked;
  const inspected = inspections && (await readInspections(inspections));
  const source = await sourceOf(file);
  const sealed = await isSealed(source);
  if (sealed && identity === null && passphrase === null) throw new Refused("sealed", "");
  const result = await verifyFile(source, trusted(trust), {
    at,
    doubts,
    ...(record ? { record: new Uint8Array(await record.slice(0, MAX_RECORD + 1).arrayBuffer()) } : {}),
    ...(inspected ? { inspections: inspected } : {}),
    ...(identity ? { identity } : {}),
    ...(passphrase !== null ? { passphrase } : {}),
    onStep: (deposit, { number, claim }) => tell({ deposit, step: number, status: claim.status }),
    onProgress: (doing, done, of) => tell({ doing, done, of }),
  });
  const { verdict } = result;
  if (isRefusal(verdict)) {
    const code = sealed && /identity/.test(verdict.detail) && verdict.refused === "malformed" ? "no-identity" : verdict.refused;
    throw new Refused(code, verdict.detail);
  }
  results.set(id, result);
  const contents = result.shown.map((documents) => {
    const held: Content[] = [];
    for (const { parts } of documents) for (const { content, size, kind } of parts) held[content] = { size, kind };
    return held;
  });
  return {
    id,
    verdict: { file: file.name, ...verdict },
    sha256: await hashOf(source, (done) => tell({ doing: "hashing", done, of: source.size })),
    withoutInspections: inspections !== null && inspected === null,
    contents,
    compared: await compared(others, result, (done, of) => tell({ doing: "comparing", done, of })),
  };
}

/** Return the bytes of a file of inspection records, null for what is none. */
async function readInspections(file: File): Promise<Uint8Array | null> {
  const data = new Uint8Array(await file.slice(0, MAX_INSPECTIONS + 1).arrayBuffer());
  try {
    parseInspections(data);
  } catch (error) {
    if (!(error instanceof MalformedData)) throw error;
    return null;
  }
  return data;
}

/** Return a file to read; a small one is asked for once, and held. */
async function sourceOf(file: File): Promise<Source> {
  return file.size > BLOCK ? ofBlob(file) : memory(new Uint8Array(await file.arrayBuffer()));
}

async function hashOf(file: Source, progress: (done: number) => void): Promise<string> {
  const running = sha256.create();
  for (let offset = 0; offset < file.size; offset += BLOCK) {
    if (offset) progress(offset);
    running.update(await file.read(offset, BLOCK));
  }
  return hex(running.digest());
}

/** Return bytes of content that was verified. */
async function bytes(result: number, deposit: number, content: number, offset: number, size: number): Promise<Uint8Array> {
  // A copy: what is handed over must not be a window into a larger block.
  return (await results.get(result)!.read(deposit, content, offset, size)).slice();
}

self.onmessage = ({ data: { id, question } }: MessageEvent<ToWorker>) => {
  const tell = (told: object) => self.postMessage({ id, ...told } as FromWorker);
  answer(id, question, (progress) => tell({ progress })).then(
    (answered) => tell({ answer: answered }),
    (error: { code?: string; message?: string }) =>
      tell({ error: { code: error.code ?? "error", message: error.message ?? "" } }),
  );
};
