// A message as a mail program would show it: a reading, of which nothing is proven but the bytes it was made from.

import PostalMime, { type Address } from "postal-mime";
import { b64encode, utf8 } from "../bytes.ts";
import { InvalidInput, TooLarge } from "../errors.ts";

/** Bytes of a message that is read. */
export const MAX_MAIL = 16 << 20;
const MAX_DEPTH = 32;
const MAX_HEADERS = 1 << 18;

/** What a message reads. `date` is as it stands there; texts are "" where there is none. */
export interface MailReading {
  readonly from: readonly string[];
  readonly to: readonly string[];
  readonly cc: readonly string[];
  readonly subject: string;
  readonly date: string;
  /** The body as text, also where the message has it in HTML alone. */
  readonly text: string;
  readonly attachments: readonly { readonly name: string; readonly type: string; readonly size: number }[];
}

/** Return how a message reads. Throws TooLarge, and InvalidInput for what is no message that can be read. */
export async function readMail(data: Uint8Array): Promise<MailReading> {
  if (data.length > MAX_MAIL) throw new TooLarge(`a message of more than ${MAX_MAIL} bytes is not shown here`);
  let mail;
  try {
    mail = await PostalMime.parse(data, { maxNestingDepth: MAX_DEPTH, maxHeadersSize: MAX_HEADERS });
  } catch {
    throw new InvalidInput("this is no message that can be shown as one");
  }
  return {
    from: addresses(mail.from ? [mail.from] : []),
    to: addresses(mail.to ?? []),
    cc: addresses(mail.cc ?? []),
    subject: mail.subject ?? "",
    date: mail.headers.find((each) => each.key === "date")?.value ?? "",
    text: mail.text || (mail.html ? await textOf(mail.html) : ""),
    attachments: mail.attachments.map(({ filename, mimeType, content }) => ({
      name: filename ?? "",
      type: mimeType,
      size: typeof content === "string" ? content.length : content.byteLength,
    })),
  };
}

/** Return HTML as text: the library does that where a message has a text besides, and exports it not. */
async function textOf(html: string): Promise<string> {
  const both = [
    "Content-Type: multipart/mixed; boundary=b", "",
    "--b", "Content-Type: text/plain", "", "-",
    "--b", "Content-Type: text/html; charset=utf-8", "Content-Transfer-Encoding: base64", "", b64encode(utf8(html)),
    "--b--", "",
  ];
  const { text = "" } = await PostalMime.parse(both.join("\r\n"));
  return text.replace(/^-/, "").trim();
}

function addresses(found: readonly Address[]): string[] {
  return found.flatMap((each) => {
    if (each.group) return addresses(each.group);
    return each.name ? `${each.name} <${each.address}>` : (each.address ?? "");
  });
}
