// Answers for each line of a list of cases what the page's core says: `node dist/run.mjs CASES < list > verdicts`.
//
// A case is {"file", "trust", "record"?, "inspections"?, "at"?, "doubts"?, "identity"?, "passphrase"?, "shown"?}; files stand in the folder CASES.
// An answer is the JSON of a verdict or of a refusal; integers of any size stay exact.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { concat, hex, int } from "../src/core/bytes.ts";
import { SealbookError } from "../src/core/errors.ts";
import { readMail } from "../src/core/evidence/mail.ts";
import { verifyFile, type FileResult, type Options } from "../src/core/evidence/verify_file.ts";
import { sha256 } from "../src/core/hash.ts";
import { parseTrust } from "../src/core/trust.ts";

interface Case {
  readonly file: string;
  readonly trust: string;
  readonly record?: string;
  readonly inspections?: string;
  readonly at?: string;
  readonly doubts?: readonly (readonly [string, string])[];
  readonly identity?: string;
  readonly passphrase?: string;
  /** Whether what is shown is answered too, with the hash of its bytes, and a message as it reads. */
  readonly shown?: boolean;
}

const folder = process.argv[2]!;
const bytes = (name: string) => new Uint8Array(readFileSync(join(folder, name)));

async function answer({ file, trust, record, inspections, at, doubts, identity, passphrase, shown }: Case): Promise<unknown> {
  const trustData = bytes(trust);
  let trusted;
  try {
    trusted = { trust: parseTrust(trustData), data: trustData };
  } catch (error) {
    if (!(error instanceof SealbookError)) throw error;
    return { refused: `trust: ${error.code}`, detail: error.message };
  }
  const data = bytes(file);
  const source = { size: data.length, read: async (offset: number, length: number) => data.slice(offset, offset + length) };
  const options: Options = {
    ...(record === undefined ? {} : { record: bytes(record) }),
    ...(inspections === undefined ? {} : { inspections: bytes(inspections) }),
    ...(at === undefined ? {} : { at: int(BigInt(at)) }),
    ...(doubts === undefined ? {} : { doubts: doubts.map(([name, time]) => [name, int(BigInt(time))] as const) }),
    ...(identity === undefined ? {} : { identity: bytes(identity) }),
    ...(passphrase === undefined ? {} : { passphrase }),
  };
  const result = await verifyFile(source, trusted, options);
  return shown ? { ...result, contents: await contentsOf(result) } : result.verdict;
}

/** Return what each part that is shown reads, in pieces of 1,000 bytes, and what cannot be read. */
async function contentsOf({ shown, read }: FileResult): Promise<unknown[]> {
  const found = [];
  for (const [deposit, documents] of shown.entries()) {
    for (const { content, kind, size } of documents.flatMap((each) => each.parts)) {
      const pieces = [];
      for (let offset = 0; offset < size; offset += 1000) pieces.push(await read(deposit, content, offset, 1000));
      const data = concat(...pieces);
      const mail = kind === "mail" ? await readMail(data) : null;
      const behind = (await read(deposit, content, size, 1)).length;
      found.push({ deposit, content, kind, sha256: hex(sha256(data)), size: data.length, behind, mail });
    }
  }
  const outside = await read(shown.length, 0, 0, 1).catch((error: Error) => error.message);
  return [...found, outside];
}

/** Return JSON whose integers are exact. */
function exact(value: unknown): string {
  const marked = JSON.stringify(value, (_, each: unknown) => (typeof each === "bigint" ? `\0${each}\0` : each));
  return marked.replace(/"\\u0000(-?\d+)\\u0000"/g, "$1");
}

for await (const line of createInterface({ input: process.stdin })) {
  let verdict: unknown;
  try {
    verdict = await answer(JSON.parse(line) as Case);
  } catch (error) {
    verdict = { crashed: String(error instanceof Error ? error.stack : error) };
  }
  process.stdout.write(`${exact(verdict)}\n`);
}
