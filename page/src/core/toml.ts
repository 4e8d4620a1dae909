// TOML 1.0, bounded, as Python's tomllib reads it; smol-toml reads what TOML 1.1 added as well.

import { parse, TomlError } from "smol-toml";
import { decodeUtf8 } from "./bytes.ts";
import { utcSeconds } from "./dates.ts";
import { MalformedData } from "./errors.ts";

const MAX_KEYS = 4_096;
const MAX_KEY_PARTS = 8;

/** Strings, also those that never end, and comments: where a dot or a bracket means nothing. */
const TEXT =
  /"""(?:[^"\\]|\\[^]|""?(?!"))*(?:"{3,5})?|'''(?:[^']|''?(?!'))*(?:'{3,5})?|"(?:[^"\\\n]|\\[^\n])*"?|'[^'\n]*'?|#[^\n]*/g;
const LONG_KEY = new RegExp(`(?:\\.[^.=,\\[\\]{}\\n]*){${MAX_KEY_PARTS}}`);
const DATE = /(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|[+-](\d\d):(\d\d))?)?/g;

/** Return the content of a TOML file; integers are bigints. Throws MalformedData. */
export function parseToml(data: Uint8Array, maxSize: number): Record<string, unknown> {
  if (data.length > maxSize) throw new MalformedData(`TOML is over its limit of ${maxSize} bytes`);
  const text = decodeUtf8(data, "TOML").replace(/\r\n/g, "\n");
  const bare = text.replace(TEXT, (each) => (each.startsWith("#") ? "" : '""'));
  if (bare.split(/[=[]/).length - 1 > MAX_KEYS) {
    throw new MalformedData(`TOML has more than ${MAX_KEYS} keys, tables and arrays`);
  }
  if (LONG_KEY.test(bare)) throw new MalformedData(`TOML has a key of more than ${MAX_KEY_PARTS} parts`);
  if (isNewer(text, bare)) throw new MalformedData("not TOML");
  try {
    return parse(withMilliseconds(text), { integersAsBigInt: true });
  } catch (error) {
    if (!(error instanceof TomlError || error instanceof RangeError)) throw error;
    throw new MalformedData("not TOML");
  }
}

/** Return whether a text holds what TOML 1.0 does not have, or dates that no calendar has. */
function isNewer(text: string, bare: string): boolean {
  const escapes = (text.match(TEXT) ?? []).some((each) => each.startsWith('"') && /(?<!\\)(?:\\\\)*\\[xe]/.test(each));
  const inline = /\{[^{}]*\n|,[ \t]*\}/.test(bare);
  const short = /\d\d:\d\d/.test(bare.replace(/\d\d:\d\d:\d\d|[+-]\d\d:\d\d/g, ""));
  const impossible = [...bare.matchAll(DATE)].some(([, year, month, day, hour, minute, second, , east, rest]) => {
    const parts = [year, month, day, hour ?? 0, minute ?? 0, second ?? 0].map(Number);
    const exists = utcSeconds(...(parts as [number, number, number, number, number, number])) !== null;
    return !exists || parts[0] === 0 || Number(east ?? 0) > 23 || Number(rest ?? 0) > 59;
  });
  const controls = /[\x00-\x08\x0b-\x1f\x7f]/.test(text);
  return text.startsWith("\ufeff") || controls || escapes || inline || short || impossible;
}

/** Return `text` whose dates are whole seconds only where Python's, which hold microseconds, are. */
function withMilliseconds(text: string): string {
  const fraction = new RegExp(`${TEXT.source}|(:\\d\\d)\\.000(\\d{1,3})\\d*`, "g");
  return text.replace(fraction, (each, second?: string, rest?: string) =>
    second === undefined || Number(rest) === 0 ? each : `${second}.001`,
  );
}
