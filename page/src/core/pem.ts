// Certificates in PEM, found in a text as the core's library (Rust's `pem`) finds them.

import { b64decode } from "./bytes.ts";
import { MalformedData } from "./errors.ts";
import { parseCertificate } from "./x509.ts";

/** What Unicode calls white space: it may stand anywhere in a body. */
const SPACE = /[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/g;

/** Return the bytes of the one certificate in a text. Throws MalformedData. */
export function parsePem(text: string, whose: string): Uint8Array {
  try {
    const bodies = blocks(text).map(([label, body]) => [label, bodyOf(body)] as const);
    const found = bodies.filter(([label]) => label === "CERTIFICATE" || label === "X509 CERTIFICATE");
    for (const [, data] of found) parseCertificate(data);
    if (found.length === 1) return found[0]![1];
  } catch (error) {
    if (!(error instanceof MalformedData)) throw error;
  }
  throw new MalformedData(`${whose} certificate in the trust file is not one in PEM`);
}

/** Return label and body of each block. Throws MalformedData where one ends under another label. */
function blocks(text: string): [string, string][] {
  const found: [string, string][] = [];
  for (let rest = text; ; ) {
    const start = until(rest, "-----BEGIN ");
    const label = start && until(start.rest, "-----");
    const body = label && until(label.rest.replace(/^[ \t\n\r]+/, ""), "-----END ");
    const end = body && until(body.rest, "-----");
    if (!end) return found;
    if (label!.before !== end.before || end.before === "") throw new MalformedData("not PEM");
    found.push([end.before, body!.before]);
    rest = end.rest;
  }
}

/**
 * Return what stands before and behind a marker, null where it is not found: like the library, without looking
 * again at characters that began to match.
 */
function until(text: string, marker: string): { before: string; rest: string } | null {
  let matched = 0;
  for (let i = 0; i < text.length; i++) {
    matched = text[i] === marker[matched] ? matched + 1 : 0;
    if (matched === marker.length) return { before: text.slice(0, i + 1 - matched), rest: text.slice(i + 1) };
  }
  return null;
}

/** Return the bytes of a body, which may have lines of headers, ended by an empty one. */
function bodyOf(text: string): Uint8Array {
  const end = /\n\n/.exec(text) ?? /\r\n\r\n/.exec(text);
  const headers = end ? text.slice(0, end.index) : "";
  if (headers !== "" && !headers.split("\n").every((line) => line.includes(":"))) throw new MalformedData("not PEM");
  return b64decode(text.slice(end ? end.index + end[0].length : 0).replace(SPACE, ""));
}
