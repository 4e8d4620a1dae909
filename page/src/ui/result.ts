// What a file has shown: a headline, the claims one by one, the content, all of it ready for print.

import type { Claim, Report } from "../core/report.ts";
import { describe, statusWords, titleOf, verdict } from "../words/claims.ts";
import { Quoted } from "../words/described.ts";
import { Words, day, listed, say, tr, type Language } from "../words/language.ts";
import type { Result, Verdict } from "../worker/protocol.ts";
import type { Given } from "./case.ts";
import { contentsView, type Reader } from "./contents.ts";
import { button, el, groups, icon, save, type Child } from "./dom.ts";
import { mattersView, overview } from "./overview.ts";
import { print, sheet } from "./printing.ts";
import { factsOf } from "./refusals.ts";
import { STEPS, Steps, stepWords } from "./steps.ts";
import type { Trusted } from "./trust.ts";
import type { Verifier } from "./verifier.ts";

export interface Setting {
  readonly given: Given;
  readonly trusted: Trusted;
  /** SHA-256 of this page. */
  readonly page: string;
  /** The steps taken, for each deposit. */
  readonly steps: readonly Steps[];
}

const MAX_REPORTS = 200;

export function resultView(result: Result, setting: Setting, verifier: Verifier, language: Language): HTMLElement {
  const { verdict: file, sha256, contents } = result;
  const hashes = {
    file: sha256,
    trust: setting.trusted.shown.sha256,
    page: setting.page,
  };
  const several = file.reports.length > 1;
  const shown = file.reports.slice(0, MAX_REPORTS);
  const bodies = shown.map((report, n) => {
    const reader = { verifier, result: result.id, deposit: n, contents: contents[n] ?? [] };
    const body = reportView(report, setting, reader, language);
    if (!several) return body;
    const title = tr("Deposit {number} of {count}", language, { number: n + 1, count: file.reports.length });
    return el("section", { class: "deposit" }, el("h3", {}, title), body);
  });
  const content: Child[] = [
    head(setting, sha256, language),
    several ? [overview(file, language), mattersView(file.matters, language)] : null,
    bodies,
    file.reports.length > MAX_REPORTS
      ? el("p", {}, tr("Of {0} deposits the first {1} are laid out here; the JSON holds all.", language, { 0: file.reports.length, 1: MAX_REPORTS }))
      : null,
    file.reports.some((each) => each.claims.some((claim) => claim.status === "failed")) ? null : comparedView(result, language),
  ];
  const article = el("div", { class: "result" });
  article.append(
    el("div", { class: "acts screen" },
      button(tr("Print", language), () => print(article, language)),
      button(tr("Save the verdict (JSON)", language), () => saveVerdict(file)),
    ),
    sheet(content, hashes, language),
  );
  return article;
}

function head({ given, trusted }: Setting, sha256: string, language: Language): HTMLElement {
  return el(
    "header",
    { class: "report-head" },
    el("h3", {}, say("title", language)),
    factsOf([
      { label: tr("file", language).text, value: new Quoted(given.file.name) },
      { label: "SHA-256", value: groups(sha256) },
      { label: tr("judged by the trust file of", language).text, value: new Quoted(trusted.shown.issuer) },
      { label: tr("its fingerprint", language).text, value: groups(trusted.shown.fingerprint) },
      { label: tr("judged as of", language).text, value: day(given.at) },
    ]),
  );
}

/** Return a report; of one in which a claim failed no name, no time and no content. */
function reportView(report: Report, setting: Setting, reader: Reader, language: Language): Child[] {
  const failed = report.claims.find((each) => each.status === "failed");
  const steps = setting.steps[reader.deposit] ?? new Steps();
  if (failed) return [failedView(failed, steps, language), stepsView(steps, language)];
  const open = report.claims.filter((each) => each.status !== "proven");
  return [
    el(
      "div",
      { class: "headline" },
      el("p", { class: "verdict" }, verdict(report, language)),
      el("h4", {}, tr("What stays open", language)),
      el("ul", { class: "open" }, open.map((each) => el("li", {}, icon(each.status), el("span", {}, titleOf(each.claim, language), new Words(" · "), statusWords(each.status, each.by, language))))),
    ),
    stepsView(steps, language),
    contentsView(report, reader, language),
    el("h4", {}, tr("Claim by claim", language)),
    el("div", { class: "claims" }, report.claims.map((each) => card(each, language))),
  ];
}

function failedView(claim: Claim, steps: Steps, language: Language): HTMLElement {
  const step = steps.failed;
  const { title, text } = describe(claim, language);
  return el(
    "div",
    { class: "headline failed" },
    icon("failed"),
    el(
      "div",
      {},
      el("p", { class: "verdict" }, text),
      el("p", {}, title, new Words(" · "), statusWords("failed", "", language)),
      step === null ? null : el("p", {}, tr("Step {0} of {1}:", language, { 0: step, 1: STEPS.length }), new Words(" "), stepWords(step, language)),
      el("p", {}, tr("Nothing of what the file says of itself is shown, because none of it can be relied on. The JSON gives the reason for experts.", language)),
    ),
  );
}

function stepsView(steps: Steps, language: Language): HTMLElement {
  return el("details", { class: "steps-taken" }, el("summary", {}, tr("The steps taken", language)), steps.draw(language));
}

function card(claim: Claim, language: Language): HTMLElement {
  const words = describe(claim, language);
  return el(
    "article",
    { class: `claim ${claim.status}` },
    el("h5", {}, words.title),
    el("p", { class: "status" }, icon(claim.status), el("span", {}, words.status)),
    el("p", { class: "text" }, words.text),
    words.facts.length
      ? factsOf(words.facts.map((each) => ({
          label: each.label.trim(),
          value: each.digest && each.value instanceof Words ? groups(each.value.text) : each.value,
        })))
      : null,
  );
}

function comparedView({ compared, contents }: Result, language: Language): Child {
  if (!compared.length) return null;
  const rows = compared.map((each) => {
    const places = each.equals.map(({ deposit, content }) =>
      tr(contents.length > 1 ? "content {0} of deposit {1}" : "content {0}", language, { 0: content + 1, 1: deposit + 1 }));
    const said = places.length
      ? tr("is, byte for byte, what is shown above as {0}", language, { 0: listed(places, language) })
      : tr("equals nothing that is shown above", language);
    return el("li", {}, icon(places.length ? "proven" : "not-shown"), el("span", {}, new Quoted(each.name), new Words(" "), said));
  });
  return el("section", { class: "compared" }, el("h4", {}, tr("Documents that were added to compare", language)), el("ul", { class: "open" }, rows));
}

function saveVerdict(file: Verdict): void {
  const text = JSON.stringify(file, (_, value: unknown) => (typeof value === "bigint" ? JSON.rawJSON?.(String(value)) ?? Number(value) : value), 2);
  save("verdict.json", [text, "\n"], "application/json");
}

declare global {
  interface JSON {
    rawJSON?(text: string): unknown;
  }
}
