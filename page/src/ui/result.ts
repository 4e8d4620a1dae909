// What a file has shown: a headline, the claims one by one, the content, all of it ready for print.

import type { Claim, Report } from "../core/report.ts";
import { describe, statusWords, titleOf, verdict } from "../words/claims.ts";
import { Quoted } from "../words/described.ts";
import { refused } from "../words/relied.ts";
import { Words, day, say, tr, type Language } from "../words/language.ts";
import type { Result, Verdict } from "../worker/protocol.ts";
import type { Given } from "./case.ts";
import { comparedView } from "./compared.ts";
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
  const beside = comparedView(result, setting.given.others, language);
  const bodies = shown.map((report, n) => {
    const reader = { verifier, result: result.id, deposit: n, contents: contents[n] ?? [], good: file.good };
    const body = reportView(report, setting, reader, several ? null : beside, language);
    if (!several) return body;
    const title = tr("Deposit {number} of {count}", language, { number: n + 1, count: file.reports.length });
    return el("section", { class: "deposit" }, el("h3", {}, title), body);
  });
  const content: Child[] = [
    head(setting, sha256, language),
    result.withoutInspections
      ? el("div", { class: "notice", role: "note" },
          el("p", {}, tr("The file beside it is no inspection record, or it is damaged, and was left away: ask the office for it again.", language)),
          el("p", {}, new Quoted(setting.given.inspections!.name)))
      : null,
    several ? [overview(file, language), mattersView(file.matters, language)] : null,
    bodies,
    file.reports.length > MAX_REPORTS
      ? el("p", {}, tr("Of {0} deposits the first {1} are laid out here; the JSON holds all.", language, { 0: file.reports.length, 1: MAX_REPORTS }))
      : null,
    several ? beside : null,
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
      ...given.doubts.map(([name, from]) => ({
        label: tr("trusted no more", language).text,
        value: tr("{hash} from {day} on", language, { hash: new Words(name.toUpperCase().replace("SHA", "SHA-")), day: day(from) }),
      })),
    ]),
  );
}

/** Return a report; of one whose receipt fails no name, no time and no content. */
function reportView(report: Report, setting: Setting, reader: Reader, beside: Child, language: Language): Child[] {
  const steps = setting.steps[reader.deposit] ?? new Steps();
  const why = refused(report);
  if (why) {
    const nothing = [
      el("p", {}, say("refused", language), between(language), tr("The JSON gives the reason for experts.", language)),
    ];
    return [failedView([why], steps, nothing, language), beside];
  }
  const failed = report.claims.filter((each) => each.status === "failed");
  const open = report.claims.filter((each) => each.status === "stated" || each.status === "not-shown");
  const stays = el("p", {}, tr("What the receipt shows by itself does not rest on this, and stands below.", language));
  return [
    failed.length ? failedView(failed, steps, [stays], language) : null,
    el(
      "div",
      { class: "headline" },
      failed.length ? null : el("p", { class: "verdict" }, verdict(report, language)),
      el("h4", {}, tr("What stays open", language)),
      el("ul", { class: "open" }, open.map((each) => el("li", {}, icon(each.status), el("span", {}, titleOf(each.claim, language), new Words(" · "), statusWords(each.status, each.by, language))))),
    ),
    stepsView(steps, language),
    contentsView(report, reader, language),
    beside,
    el("h4", {}, tr("Claim by claim", language)),
    el("div", { class: "claims" }, report.claims.map((each) => card(each, language))),
  ];
}

function failedView(claims: readonly Claim[], steps: Steps, more: Child, language: Language): HTMLElement {
  const said = claims.map((claim) => {
    const step = BESIDE[claim.claim] ?? steps.failed;
    const { title, text } = describe(claim, language);
    return [
      el("p", { class: "verdict" }, text),
      el("p", {}, title, new Words(" · "), statusWords("failed", "", language)),
      step === null ? null : el("p", {}, tr("Step {0} of {1}:", language, { 0: step, 1: STEPS.length }), between(language), stepWords(step, language)),
    ];
  });
  return el("div", { class: "headline failed" }, icon("failed"), el("div", {}, said, more));
}

/** Return what stands between two sentences: in Chinese a full stop holds the space. */
function between(language: Language): Words {
  return new Words(language === "zh" ? "" : " ");
}

/** Steps about what lies beside the receipt. */
const BESIDE: Readonly<Record<string, number>> = { content: 11, inspection: 12 };

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

function saveVerdict(file: Verdict): void {
  const text = JSON.stringify(file, (_, value: unknown) => (typeof value === "bigint" ? JSON.rawJSON?.(String(value)) ?? Number(value) : value), 2);
  save("verdict.json", [text, "\n"], "application/json");
}

declare global {
  interface JSON {
    rawJSON?(text: string): unknown;
  }
}
