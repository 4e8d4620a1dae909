// The core's English sentences, recognised by the messages that they were made of: ledger/recognised.py.

import messages from "./messages.json";

const CHINESE: Record<string, string> = messages.refusals;
const MAX_SENTENCE = 4000;
const DEEPEST = 3;
const PLACE = /\{\{|\}\}|\{(\w*)\}/g;

interface Template {
  /** The texts around a message's places, one more than there are places. */
  readonly texts: readonly string[];
  readonly names: readonly string[];
  readonly chinese: string;
}

let known: { plain: Map<string, string>; templates: Template[] } | null = null;

/** Return a sentence of the core in Chinese, null where its message is not known. */
export function inChinese(sentence: string): string | null {
  const found = sentence.length <= MAX_SENTENCE ? told(sentence, DEEPEST) : null;
  return found === null || /[。！？：]$/.test(found) ? found : `${found}。`;
}

function told(sentence: string, depth: number): string | null {
  const { plain, templates } = (known ??= read());
  const compared = comparable(sentence);
  const whole = plain.get(compared);
  if (whole !== undefined) return whole;
  for (const template of templates) {
    const values = valuesOf(template.texts, compared);
    if (values !== null && depth > 0) return filled(template, values.map((each) => told(each, depth - 1) ?? each));
  }
  return null;
}

function filled({ names, chinese }: Template, values: readonly string[]): string {
  const given = new Map(names.map((name, n) => [name, values[n]!]));
  let text = "";
  let end = 0;
  for (const found of chinese.matchAll(PLACE)) {
    text = join(text, chinese.slice(end, found.index));
    end = found.index + found[0].length;
    text += found[1] === undefined ? found[0].charAt(0) : given.get(found[1]);
  }
  return join(text, chinese.slice(end));
}

/** Return text and what follows; a full stop of a sentence within is left out. */
function join(before: string, after: string): string {
  return (after && !after.startsWith("\n") ? before.replace(/。$/, "") : before) + after;
}

/** Return what stands in the places between texts, null for what was not made of them. */
export function valuesOf(texts: readonly string[], sentence: string): string[] | null {
  if (texts.length === 1) return sentence === texts[0] ? [] : null;
  const first = texts[0]!;
  const last = texts.at(-1)!;
  if (!sentence.startsWith(first) || !sentence.endsWith(last)) return null;
  const end = sentence.length - last.length;
  const values: string[] = [];
  let begin = first.length;
  for (const text of texts.slice(1, -1)) {
    const found = sentence.indexOf(text, begin);
    if (found < 0 || found + text.length > end) return null;
    values.push(sentence.slice(begin, found));
    begin = found + text.length;
  }
  return begin > end ? null : [...values, sentence.slice(begin, end)];
}

/** Return the texts around a message's places, and the names of these. */
export function partsOf(message: string): { texts: string[]; names: string[] } {
  const texts = [""];
  const names: string[] = [];
  const add = (text: string) => texts.push((texts.pop() ?? "") + text);
  let end = 0;
  for (const found of message.matchAll(PLACE)) {
    add(message.slice(end, found.index));
    end = found.index + found[0].length;
    if (found[1] === undefined) add(found[0].charAt(0));
    else {
      names.push(found[1]);
      texts.push("");
    }
  }
  add(message.slice(end));
  return { texts, names };
}

function read(): NonNullable<typeof known> {
  const plain = new Map<string, string>();
  const templates: Template[] = [];
  for (const [message, chinese] of Object.entries(CHINESE)) {
    const { texts, names } = partsOf(message);
    texts[0] = lower(texts[0]!);
    texts[texts.length - 1] = texts.at(-1)!.replace(/\.$/, "");
    if (texts.length === 1) plain.set(comparable(texts[0]!), chinese);
    else templates.push({ texts, names, chinese });
  }
  const length = ({ texts }: Template) => texts.reduce((sum, each) => sum + each.length, 0);
  templates.sort((a, b) => length(b) - length(a));
  return { plain, templates };
}

/** Return a sentence as it is compared: some are shown with a capital letter and a full stop. */
function comparable(sentence: string): string {
  return lower(sentence.trim().replace(/\.$/, ""));
}

function lower(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
