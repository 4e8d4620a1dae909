// Content as people read it: text and mail as text, a PDF as its pages, of anything else the bytes to save.

import type { MailReading } from "../core/evidence/mail.ts";
import type { Content } from "../worker/protocol.ts";
import { Quoted } from "../words/described.ts";
import { Words, thousands, tr, type Language } from "../words/language.ts";
import { append, el, type Child } from "./dom.ts";
import { pdfView } from "./pdf.ts";
import { factsOf } from "./refusals.ts";
import { Told } from "./verifier.ts";

/** Content of a deposit: its bytes, and of a message what it reads. */
export interface Readable extends Content {
  read(offset: number, size: number): Promise<Uint8Array>;
  mail(): Promise<MailReading>;
}

const MAX_TEXT = 2 << 20;
const MAX_PDF = 64 << 20;
const MAX_SHOWN = 200_000;
const MAX_ATTACHMENTS = 100;

/** Return a room that fills with what the bytes read; nothing in it is markup of theirs. */
export function readingOf(content: Readable, language: Language): HTMLElement {
  const room = el("div", { class: "reading", "aria-busy": "true" });
  viewOf(content, language)
    .catch((error: unknown) => [
      error instanceof Told && error.code === "too-large" ? tooLarge(language) : el("p", {}, tr("This could not be read here; save the bytes, which are verified, and open them with other software.", language)),
    ])
    .then((view) => {
      append(room, view);
      room.removeAttribute("aria-busy");
    });
  return room;
}

async function viewOf(content: Readable, language: Language): Promise<Child[]> {
  const { size, kind } = content;
  if (kind === "mail") return mailView(await content.mail(), language);
  const head = await content.read(0, Math.min(size, 5));
  if (new TextDecoder("latin1").decode(head) === "%PDF-") {
    return size > MAX_PDF ? [tooLarge(language)] : [pdfView(await content.read(0, size), language)];
  }
  const data = await content.read(0, Math.min(size, MAX_TEXT));
  const found = decoded(data, size > data.length);
  if (found === null) {
    return [el("p", {}, tr("This is no text that can be shown here. Save the bytes, which are verified, and open them with other software.", language))];
  }
  return [el("p", { class: "muted" }, found.note(language)), text(found.text, size > data.length, language)];
}

function tooLarge(language: Language): HTMLElement {
  return el("p", {}, tr("This is too large to be shown here. Save the bytes, which are verified, and open them with other software.", language));
}

interface Decoded {
  text: string;
  note(language: Language): Words;
}

/** Return bytes as text where they are one: UTF-8, else, as a guess, the charset of most old Chinese files. */
function decoded(data: Uint8Array, cut: boolean): Decoded | null {
  if (data.subarray(0, 8192).includes(0)) return null;
  for (const charset of ["utf-8", "gb18030"] as const) {
    try {
      const decoder = new TextDecoder(charset, { fatal: true });
      const found = decoder.decode(data, { stream: cut });
      return {
        text: found,
        note: (language) =>
          charset === "utf-8"
            ? tr("Read as UTF-8.", language)
            : tr("The charset is stated nowhere; read as GB18030, which is a guess.", language),
      };
    } catch {
      continue;
    }
  }
  return null;
}

/** Return text of others: control and direction characters as signs, each line by itself. */
function text(found: string, cut: boolean, language: Language): Child[] {
  const shown = found.slice(0, MAX_SHOWN);
  const made = el("pre", { class: "text", tabindex: "0", dir: "auto" });
  made.textContent = shown.replace(HIDDEN, (each) => `⟦${each.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}⟧`);
  const more = cut || found.length > shown.length;
  return [made, more ? el("p", { class: "muted" }, tr("Only the beginning is shown here; all of it can be saved.", language)) : null];
}

const HIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g;

function mailView(mail: MailReading, language: Language): Child[] {
  const fact = (label: Words, value: string) => (value ? [{ label: label.text, value: new Quoted(value) }] : []);
  const files = mail.attachments.slice(0, MAX_ATTACHMENTS);
  return [
    el("p", { class: "muted" }, tr("Decoded by this page for reading, and not proven: proven are the bytes. Of mail in HTML only the text is shown.", language)),
    factsOf([
      ...fact(tr("mail\x04from", language), mail.from.join(", ")),
      ...fact(tr("mail\x04to", language), mail.to.join(", ")),
      ...fact(tr("mail\x04copy to", language), mail.cc.join(", ")),
      ...fact(tr("mail\x04subject", language), mail.subject),
      ...fact(tr("mail\x04date", language), mail.date),
    ]),
    text(mail.text, false, language),
    files.length
      ? [
          el("p", {}, tr("Attached, {0}:", language, { 0: mail.attachments.length })),
          el("ul", {}, files.map((each) => el("li", {}, new Quoted(each.name), new Words(` ${thousands(each.size)} B`)))),
        ]
      : null,
  ];
}
