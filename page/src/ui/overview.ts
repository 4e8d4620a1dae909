// What stands before the reports on a file of several deposits: a line each, and their matters.

import { showsNothing, type Claim, type Report } from "../core/report.ts";
import { statusWords, verdict } from "../words/claims.ts";
import { why } from "../words/described.ts";
import { Words, listed, say, utc, type Language } from "../words/language.ts";
import type { Int } from "../core/bytes.ts";
import type { MatterShown } from "../core/evidence/casefile.ts";
import type { Verdict } from "../worker/protocol.ts";
import { hasFailed, refused } from "../words/relied.ts";
import { el, groups, icon, type Child } from "./dom.ts";
import { factsOf } from "./refusals.ts";

const MAX_ROWS = 1000;

export function overview(file: Verdict, language: Language): HTMLElement {
  const bad = file.reports.filter((each) => !each.good).length;
  const contradicted = file.matters.some((each) => each.status === "failed");
  const count = file.reports.length;
  const results = [
    ...(bad ? [say("file-bad", language, { bad, count })] : []),
    ...(contradicted ? [say("matter-failed", language)] : []),
  ];
  const failed = contradicted || file.reports.some(hasFailed);
  const columns = [
    say("column-number", language), say("column-matter", language), say("column-entry", language),
    say("column-block", language), say("column-time", language), say("column-shown", language),
  ];
  return el(
    "section",
    {},
    el(
      "div",
      { class: failed ? "headline failed" : "headline" },
      failed ? icon("failed") : null,
      (results.length ? results : [say("file-good", language, { count })]).map((each) => el("p", { class: "verdict" }, each)),
    ),
    el("h4", {}, say("title-deposits", language)),
    el(
      "div",
      { class: "scroll", tabindex: "0", role: "region", "aria-label": say("title-deposits", language).text },
      el(
        "table",
        { class: "overview" },
        el("thead", {}, el("tr", {}, columns.map((each) => el("th", { scope: "col" }, each)))),
        el("tbody", {}, file.reports.slice(0, MAX_ROWS).map((each, n) => row(each, n + 1, language))),
      ),
    ),
  );
}

function row(report: Report, number: number, language: Language): HTMLElement {
  const fact = (claim: string, name: string) => {
    const value = refused(report) ? undefined : claimOf(report, claim)?.facts[name];
    return new Words(typeof value === "number" || typeof value === "bigint" ? String(value) : "–");
  };
  const time = refused(report) ? undefined : claimOf(report, "time")?.facts["time"];
  const cells: Child[] = [
    new Words(String(number)), fact("matter", "number"), fact("ledger", "index"), fact("block", "height"),
    typeof time === "number" || typeof time === "bigint" ? utc(time) : new Words("–"),
    [shown(report, language), report.good ? null : el("div", {}, verdict(report, language))],
  ];
  return el("tr", { class: hasFailed(report) ? "failed" : "" }, cells.map((each) => el("td", {}, each)));
}

function shown(report: Report, language: Language): Words {
  const content = claimOf(report, "content");
  if (hasFailed(report)) return say("shown-failed", language);
  if (!content || content.status === "not-shown") return say("shown-receipt", language);
  if (showsNothing(content)) return say("shown-fields", language);
  return content.by === "partial-opening" ? say("shown-in-part", language) : say("shown-whole", language);
}

function claimOf(report: Report, name: string): Claim | undefined {
  return report.claims.find((each) => each.claim === name);
}

export function mattersView(matters: readonly MatterShown[], language: Language): Child {
  return matters.map((each) => {
    const runs = each.numbers;
    const unbroken = runs.length === 1;
    const numbers = listed(runs.map((run) => range(run, language)), language);
    const text =
      each.status === "failed" ? say("matter-failed", language)
      : each.status === "not-shown" ? say("matter-scattered", language, { numbers })
      : unbroken ? say("matter-unbroken", language, { numbers })
      : say("matter-runs", language, { numbers });
    const missing = listed(each.missing.map((run) => range(run, language)), language);
    return el(
      "article",
      { class: `claim ${each.status}` },
      el("h5", {}, say("matter", language)),
      el("p", { class: "status" }, icon(each.status), el("span", {}, statusWords(each.status, each.status === "proven" ? "matter-chain" : "", language))),
      el("p", { class: "text" }, text),
      factsOf([
        ...(each.status === "failed" ? why(each.reason, language) : []),
        ...(each.status !== "failed" ? [{ label: say("matter-id", language).text, value: groups(each.id) }] : []),
        ...(each.missing.length && each.status !== "failed" ? [{ label: say("matter-missing", language).text, value: missing }] : []),
      ]),
    );
  });
}

function range([first, last]: readonly [Int, Int], language: Language): Words {
  if (first === last) return new Words(String(first));
  return say("number-range", language, { first: new Words(String(first)), last: new Words(String(last)) });
}
