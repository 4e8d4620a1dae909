// The two languages of every sentence: English is the key, its Chinese stands in messages.json.

import messages from "./messages.json";

export type Language = "en" | "zh";

/** A text that this page itself says; what others have chosen is `Quoted` and part of no sentence. */
export class Words {
  constructor(readonly text: string) {}
  toString(): string {
    return this.text;
  }
}

export type Places = Record<string, number | bigint | Words>;

const CHINESE: Record<string, string> = messages.chinese;

/**
 * Return a message of ours in this language, its places `{name}` and `{name:,}` filled.
 *
 * What stands before `\x04` is the message's context, not shown.
 */
export function tr(message: string, language: Language, places: Places = {}): Words {
  const chinese = language === "zh" ? CHINESE[message] : undefined;
  return fill(chinese ?? message.slice(message.indexOf("\x04") + 1), places);
}

/** Return a sentence of the project's catalogue by its key. */
export function say(key: keyof typeof messages.tables.sentences, language: Language, places: Places = {}): Words {
  return tr(messages.tables.sentences[key], language, places);
}

/** Return words of ours one after the other. */
export function listed(words: readonly Words[], language: Language): Words {
  return new Words(words.join(tr(", ", language).text));
}

function fill(pattern: string, places: Places): Words {
  const text = pattern.replace(/\{\{|\}\}|\{(\w+)(:,)?\}/g, (found, name?: string, grouped?: string) => {
    if (name === undefined) return found[0]!;
    const value = places[name];
    if (value === undefined) throw new TypeError(`nothing is given for {${name}}`);
    return !(value instanceof Words) && grouped ? thousands(value) : String(value);
  });
  return new Words(text);
}

export function thousands(value: number | bigint): string {
  return String(value).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}

/** Return POSIX seconds as a time in UTC; outside the years that a date can have, as a number. */
export function utc(seconds: number | bigint): Words {
  const found = spelled(seconds);
  return new Words(found === null ? `${seconds} s` : `${found} UTC`);
}

/** Return POSIX seconds as a day in UTC. */
export function day(seconds: number | bigint): Words {
  return new Words(spelled(seconds)?.slice(0, 10) ?? `${seconds} s`);
}

/** Return POSIX seconds in UTC to the minute. */
export function minute(seconds: number | bigint): Words {
  const found = spelled(seconds);
  return new Words(found === null ? `${seconds} s` : found.slice(0, 16));
}

function spelled(seconds: number | bigint): string | null {
  const when = new Date(Number(seconds) * 1000);
  const year = when.getUTCFullYear();
  if (Number.isNaN(year) || year < 1 || year > 9999) return null;
  return when.toISOString().slice(-24, -5).replace("T", " ");
}
