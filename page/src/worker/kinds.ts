// What a file is that somebody has dropped, by its first bytes; what it holds is for the core to judge.

import { isSealed, ofBlob } from "../core/age.ts";
import type { Kind } from "./protocol.ts";

const HEAD = 4096;

export async function kindOf(file: File): Promise<Kind> {
  try {
    return await known(file);
  } catch {
    return "unreadable"; // a folder, or a file that has gone meanwhile
  }
}

async function known(file: File): Promise<Kind> {
  const head = new Uint8Array(await file.slice(0, HEAD).arrayBuffer());
  const text = new TextDecoder("latin1").decode(head);
  const name = file.name.toLowerCase();
  if (await isSealed(ofBlob(file))) return /identit|\.key\b/.test(name) ? "identity" : "sealed";
  if (/^AGE-SECRET-KEY-/m.test(text)) return "identity";
  if (/^format = "sealbook-trust/m.test(text) || name.endsWith(".trust")) return "trust";
  if (name.endsWith(".inspection")) return "inspection";
  if (name.endsWith(".ers")) return "record";
  if (head[0] === 0xd2) return "receipt"; // a COSE_Sign1
  // Other ZIP files are documents: those of word processors are, too.
  if (text.startsWith("PK") && text.startsWith("HOWTO.txt", LOCAL_HEADER)) return "evidence";
  // What calls itself one, and is damaged, is told so.
  return NAMED.test(name) ? "evidence" : "other";
}

/** Bytes in front of the name of a ZIP's first member. */
const LOCAL_HEADER = 30;
const NAMED = /\.(?:receipt|evidence)(?:\.age)?$/;
