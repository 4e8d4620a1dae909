// A report on paper: the hashes of file, trust file and page stand on every sheet.

import { Words, tr, type Language } from "../words/language.ts";
import { append, el, type Child } from "./dom.ts";

export interface Hashes {
  readonly file: string;
  readonly trust: string;
  readonly page: string;
}

/** Return content in a table whose head and foot a browser repeats on every sheet. */
export function sheet(content: Child, hashes: Hashes, language: Language): HTMLElement {
  const row = (label: Words, digits: string) =>
    el("div", {}, el("span", {}, label), el("code", {}, new Words(digits)));
  const table = el("table", { class: "sheet", role: "presentation" });
  const cell = el("td");
  append(cell, [content]);
  table.append(
    el("thead", { class: "paper", "aria-hidden": "true" }, el("tr", {}, el("td", {},
      row(tr("SHA-256 of the file", language), hashes.file),
      row(tr("of the trust file", language), hashes.trust),
      row(tr("of this page, as the browser held it", language), hashes.page),
    ))),
    el("tbody", {}, el("tr", {}, cell)),
  );
  return table;
}

/** Print one result alone, every detail open. */
export function print(article: HTMLElement, language: Language): void {
  const closed = [...article.querySelectorAll("details:not([open])")];
  const others = [...document.querySelectorAll(".result")].filter((each) => each !== article);
  for (const each of closed) each.setAttribute("open", "");
  for (const each of others) each.classList.add("unprinted");
  const title = document.title;
  document.title = tr("Verification report", language).text;
  window.print();
  document.title = title;
  for (const each of closed) each.removeAttribute("open");
  for (const each of others) each.classList.remove("unprinted");
}
