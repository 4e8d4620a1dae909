// The words of a report, claim by claim: ledger/court/claims.py. A text says what is shown and no more.

import type { Claim, Report } from "../core/report.ts";
import { coverFacts } from "./cover.ts";
import { Quoted, hexadecimal, reasonFacts, why, type Described, type Fact } from "./described.ts";
import { Words, listed, say, thousands, tr, utc, type Language, type Places } from "./language.ts";
import messages from "./messages.json";
import { refused } from "./relied.ts";
import {
  contentFacts, contentWords, documentCalled, madeFacts, seenWords, type Made, type Opened, type Seen,
} from "./shown.ts";

const T = messages.tables;
type Named<V> = Record<string, V | undefined>;
interface Attested {
  authority: string;
  latest: number;
  until: number;
}

/** Return the claim in words; times in UTC. */
export function describe(claim: Claim, language: Language): Described {
  const title = titleOf(claim.claim, language);
  const status = statusWords(claim.status, claim.by, language);
  if (claim.status === "failed") {
    const text = tr((T.failures as Named<string>)[claim.claim]!, language);
    // Other reasons may name what only the thing that failed says; they are for machines.
    return { title, status, text, facts: claim.claim === "inspection" ? why(claim.reason, language) : [] };
  }
  const told = claim.status !== "not-shown" || ["witnesses", "existence"].includes(claim.claim);
  return { title, status, text: textOf(claim, language), facts: told ? [...factsOf(claim, language)] : [] };
}

/** Return the report's result in a sentence: what of the required is proven. */
export function verdict(report: Report, language: Language): Words {
  const titles = (names: readonly string[]) => listed(names.map((each) => titleOf(each, language)), language);
  const first = refused(report);
  const failed = report.claims.filter((each) => (first ? each === first : each.status === "failed")).map((each) => each.claim);
  if (failed.length) return say("verdict-failed", language, { names: titles(failed) });
  if (report.missing.length) return say("verdict-missing", language, { names: titles(report.missing) });
  return say("verdict-good", language, { names: titles(report.required) });
}

export function titleOf(name: string, language: Language): Words {
  return tr((T.titles as Named<string>)[name]!, language);
}

export function statusWords(status: Claim["status"], by: string, language: Language): Words {
  return tr(T.status[status], language, { by: tr((T.by as Named<string>)[by] ?? "", language) });
}

function textOf(claim: Claim, language: Language): Words {
  const facts = claim.facts as Named<unknown>;
  if (claim.by === "partial-opening") return contentWords(facts["documents"] as Opened[], language);
  const [shown, hidden] = (T.texts as unknown as Record<string, [string, string]>)[claim.claim]!;
  const said = tr(special(claim) ?? (claim.status === "not-shown" ? hidden : shown), language, values(claim));
  const documents = (facts["documents"] ?? []) as object[];
  const count = documents.filter((each) => "rendition" in each).length;
  return count ? new Words(said.text + tr(T.special.RENDERED, language, { count }).text) : said;
}

/** Return the sentence of a time that others have attested to, or that is shown no longer. */
function special({ claim, status, by, facts }: Claim): string | null {
  if (claim === "time" && status === "proven") return "earliest" in facts ? T.special.BOTH : T.special.LATEST;
  if (claim === "time" && status === "stated" && "earliest" in facts) return T.special.EARLIEST;
  if (claim === "existence" && status === "not-shown" && "until" in facts) return T.special.NO_LONGER;
  if (claim === "existence" && by === "evidence-record") return T.special.RENEWED;
  if (claim === "witnesses" && status === "not-shown" && Object.keys(facts).length) return T.special.TOO_FEW;
  if (claim === "inspection" && facts["scope"] === "part") {
    return facts["covers"] === false ? T.special.ANOTHER_PART : T.special.IN_PART;
  }
  return null;
}

/** Return what a sentence may be filled with: numbers and times. */
function values({ claim, facts }: Claim): Places {
  const found: Places = {};
  for (const [key, value] of Object.entries(facts)) {
    if (isInteger(value)) found[key] = T.times.includes(key) ? utc(value) : value;
  }
  const count = ((facts["documents"] ?? []) as unknown[]).length;
  found["count"] = count;
  found["plural"] = new Words(count === 1 ? "" : "s");
  if ("record" in facts) found["since"] = utc((facts["record"] as { since: number }).since);
  if (claim === "block" && isInteger(facts["size"])) found["last"] = BigInt(facts["size"]) - 1n;
  return found;
}

function isInteger(value: unknown): value is number | bigint {
  return typeof value === "number" || typeof value === "bigint";
}

function* factsOf(claim: Claim, language: Language): Generator<Fact> {
  const facts = claim.facts as Named<unknown>;
  if (claim.claim === "provenance") {
    yield* coverFacts(facts["fields"] as Record<string, string>, language);
    return;
  }
  if (claim.by === "partial-opening") {
    yield* contentFacts(facts["documents"] as Opened[], language);
    return;
  }
  for (const [key, message] of Object.entries((T.facts as Named<Record<string, string>>)[claim.claim] ?? {})) {
    const value = facts[key];
    if (value === undefined || value === null) continue;
    const label = tr(message, language).text;
    const digest = T.digests.includes(key) ? hexadecimal(value) : null;
    if (digest) yield { label, value: digest, digest: true };
    else if (T.times.includes(key) && isInteger(value)) yield { label, value: utc(value) };
    else yield { label, value: new Quoted(String(value)) };
  }
  for (const each of (facts["seen"] ?? []) as Seen[]) {
    yield { label: documentCalled(each.document, language).text, value: seenWords(each, language) };
  }
  for (const each of (facts["witnesses"] ?? []) as { name: string; time: number | null }[]) {
    yield { label: tr(T.special.WITNESS, language).text, value: new Quoted(each.name) };
    if (each.time !== null && each.time !== undefined) yield { label: "", value: utc(each.time) };
  }
  for (const name of (facts["authorities"] ?? []) as string[]) {
    yield { label: tr(T.special.AUTHORITY, language).text, value: new Quoted(name) };
  }
  yield* attested(T.special.OWN, facts["own"], language);
  if (claim.claim === "existence") {
    yield* attested(T.special.TOKEN, facts["tokens"], language);
    const record = facts["record"] as { tokens?: unknown } | undefined;
    yield* attested(T.special.RECORD, record?.tokens, language);
  }
  for (const [key, label] of Object.entries(T.notCounted)) {
    for (const reason of (facts[key] ?? []) as string[]) {
      yield* reasonFacts(tr(label, language), reason, language);
    }
  }
  for (const [n, each] of ((facts["documents"] ?? []) as { name: string; size: number; rendition?: Made }[]).entries()) {
    yield { label: documentCalled(n + 1, language).text, value: new Quoted(each.name) };
    yield { label: "", value: new Words(`${thousands(each.size)} B`) };
    if (each.rendition) yield* madeFacts(each.rendition, language);
  }
}

function* attested(label: string, tokens: unknown, language: Language): Generator<Fact> {
  for (const each of (tokens ?? []) as Attested[]) {
    yield { label: tr(label, language).text, value: new Quoted(each.authority) };
    const places = { latest: utc(each.latest), until: utc(each.until) };
    yield { label: "", value: tr(T.special.SHOWN_BY, language, places) };
  }
}
