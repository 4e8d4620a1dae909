// Names of the members of an evidence file (ledger/evidence/file.py, ledger/disk/outputs.py).

import { hex, utf8 } from "../bytes.ts";
import { sha256 } from "../hash.ts";
import type { Manifest } from "./manifest.ts";
import { documentPieces, type DocumentOpening, type PartialOpening } from "./partial/views.ts";
import { Rendition } from "./records.ts";

/** UTF-8 bytes of one component. */
const MAX_COMPONENT = 200;

const REPLACED =
  /[<>:"|?*\\/\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufdd0-\ufdef\ufeff\ufff9-\ufffb\ufffe\uffff\u{e0000}-\u{e007f}]/gu;
const RESERVED = /^(?:con|prn|aux|nul|clock\$|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³]) *(?:\..*)?$/is;

const SUFFIXES = new Map([
  ["application/pdf", ".pdf"],
  ["text/plain; charset=utf-8", ".txt"],
  ["message/rfc822", ".eml"],
]);

/** Return one component of a path, changed where some system would refuse or alter it. */
export function safeComponent(name: string): string {
  let text = name.replace(REPLACED, "_").replace(/[. ]+$/, (end) => "_".repeat(end.length));
  if (RESERVED.test(text)) text = `_${text}`;
  if (utf8(text).length > MAX_COMPONENT) {
    const at = text.lastIndexOf(".");
    let [stem, suffix] = at < 0 ? ["", ""] : [text.slice(0, at), text.slice(at)];
    if (!stem || utf8(suffix).length > 17) [stem, suffix] = [text, ""];
    const end = `~${hex(sha256(utf8(name))).slice(0, 8)}${suffix}`;
    text = cutUtf8(stem, MAX_COMPONENT - utf8(end).length) + end;
  }
  return text || "_";
}

/** Yield the names of the content's members below the deposit's folder. */
export function* memberNames(opening: Manifest | PartialOpening): Generator<string> {
  if ("seed" in opening) {
    for (const [j, record] of opening.documents.entries()) yield `documents/${j + 1}/${lastPart(record.name)}`;
    return;
  }
  for (const each of opening.documents) {
    const j = each.document + 1;
    let count = 0;
    for (const piece of documentPieces(each)) {
      if (piece.whole) yield `documents/${j}/${lastPart(piece.name || renditionName(each))}`;
      else yield `parts/${j}/${++count}-${safeComponent(piece.path || "bytes")}`;
    }
  }
}

/** Return what to call a rendition whose own name stays hidden; "" for anything else. */
function renditionName({ fields }: DocumentOpening): string {
  const made = fields.get("rendition");
  if (!(made instanceof Rendition)) return "";
  return `${made.kind} ${made.position}${SUFFIXES.get((fields.get("media-type") as string) ?? "") ?? ""}`;
}

function lastPart(name: string): string {
  return safeComponent(name.slice(name.lastIndexOf("/") + 1));
}

/** Return the beginning of `text` that fits in `size` bytes. */
function cutUtf8(text: string, size: number): string {
  const data = utf8(text);
  while ((data[size]! & 0xc0) === 0x80) size--;
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(data.subarray(0, size));
}
