// What is said of documents that lay beside the file: what equals what, and whether anything else follows.

import { showsNothing, type Report } from "../core/report.ts";
import { Quoted } from "../words/described.ts";
import { Words, listed, tr, type Language } from "../words/language.ts";
import { documentCalled, positionOf, type Opened } from "../words/shown.ts";
import type { Compared, Place, Result } from "../worker/protocol.ts";
import { el, icon, type Child } from "./dom.ts";

const MAX_NAMED = 10;

export function comparedView(result: Result, others: readonly File[], language: Language): Child {
  const { compared, contents, verdict } = result;
  if (!others.length) return null;
  const left = others.length - compared.length;
  const rows = verdict.good ? compared.map((each) => row(each, verdict.reports, contents.length > 1, language)) : [];
  return el(
    "section",
    { class: "compared" },
    el("h4", {}, tr("Documents that were added to compare", language)),
    verdict.good ? null : el("p", {}, icon("not-shown"), new Words(" "), tr("They were not compared, because something in this file does not hold, or not everything that is required of it is proven.", language)),
    el("ul", { class: "open" }, rows),
    verdict.good && left ? el("p", {}, tr("Further documents were not compared: {0}.", language, { 0: left })) : null,
  );
}

function row(each: Compared, reports: readonly Report[], several: boolean, language: Language): HTMLElement {
  const places = (found: readonly Place[]) => {
    const named = found.slice(0, MAX_NAMED).map(({ deposit, content }) => {
      const called = contentsCalled(reports[deposit]!, language)[content]!;
      if (!several) return called;
      return listed([tr("deposit {0}", language, { 0: deposit + 1 }), called], language);
    });
    return listed(found.length > MAX_NAMED ? [...named, new Words("…")] : named, language);
  };
  const said =
    each.equals.length ? tr("is, byte for byte, what is shown above as {0}", language, { 0: places(each.equals) })
    : each.holds.length ? tr("holds, byte for byte, what is shown above as {0}; the rest of it is not shown, and was not compared", language, { 0: places(each.holds) })
    : each.unread ? tr("could not be read, and was not compared", language)
    : differs(reports, language);
  const found = each.equals.length || each.holds.length;
  return el("li", {}, icon(found ? "proven" : "not-shown"), el("span", {}, new Quoted(each.name), new Words(" "), said));
}

/** Return what follows of a document that equals nothing: something only where everything is shown. */
function differs(reports: readonly Report[], language: Language): Words {
  const shown = reports.map(openness);
  if (shown.every((each) => each === "nothing")) {
    return tr("was not compared: this file shows no content, only that something was deposited. Whether this document was deposited stays open; an evidence file of the depositor's can show it.", language);
  }
  if (shown.every((each) => each === "whole")) {
    return tr("is none of the documents shown above, and all that was deposited is shown. Another version of a document, or one saved anew, is another document, too.", language);
  }
  return tr("equals nothing that is shown above, and not all that was deposited is shown. Whether this document was deposited stays open; an evidence file that shows the deposit whole can tell.", language);
}

/** Return what the contents of a deposit are called above, in their order. */
function contentsCalled({ claims }: Report, language: Language): Words[] {
  const content = claims.find((each) => each.claim === "content")!;
  const documents = content.facts["documents"] as Opened[];
  if (content.by !== "partial-opening") {
    return documents.map((_, n) => tr("document {0} of {1}", language, { 0: n + 1, 1: documents.length }));
  }
  return documents.flatMap((each) => {
    const called = documentCalled(each.document, language);
    return each.whole ? [called] : each.parts.map((part) => listed([called, positionOf(part, language)], language));
  });
}

function openness({ claims }: Report): "whole" | "part" | "nothing" {
  const content = claims.find((each) => each.claim === "content");
  if (content?.status !== "proven" || showsNothing(content)) return "nothing";
  return content.by === "partial-opening" ? "part" : "whole";
}
