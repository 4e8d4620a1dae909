// What a file is that somebody has dropped, by its first bytes; what it holds is for the core to judge.

import { isSealed, ofBlob } from "../core/age.ts";
import type { Kind } from "./protocol.ts";

const HEAD = 4096;

export async function kindOf(file: File): Promise<Kind> {
  const head = new Uint8Array(await file.slice(0, HEAD).arrayBuffer());
  const text = new TextDecoder("latin1").decode(head);
  if (text.startsWith("PK")) return "evidence";
  if (await isSealed(ofBlob(file))) return /identit|\.key\b/i.test(file.name) ? "identity" : "sealed";
  if (/^AGE-SECRET-KEY-/m.test(text)) return "identity";
  if (/^format = "sealbook-trust/m.test(text) || file.name.endsWith(".trust")) return "trust";
  if (file.name.endsWith(".inspection")) return "inspection";
  if (head[0] === 0xd2) return "receipt"; // a COSE_Sign1
  if (head[0] === 0x30 && file.name.endsWith(".ers")) return "record";
  return "other";
}
