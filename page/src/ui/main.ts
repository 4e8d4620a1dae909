// The verifier page: a trust file that a person has compared with paper, then what is to be verified.

import { sha256 } from "../core/hash.ts";
import { hex, utf8 } from "../core/bytes.ts";
import { tr, type Language } from "../words/language.ts";
import { append, el, groups } from "./dom.ts";
import { EvidenceStage } from "./evidence.ts";
import { TrustStage } from "./trust.ts";
import { Verifier } from "./verifier.ts";

/** This page's bytes as the browser holds them: it is written as a browser writes a page out. */
const OWN = hex(sha256(utf8(`<!DOCTYPE html>${document.documentElement.outerHTML}`)));

class Page {
  language: Language = navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
  readonly verifier = new Verifier();
  readonly trust = new TrustStage(this.verifier, () => this.#confirmed());
  readonly evidence = new EvidenceStage(this.verifier, OWN);
  readonly #root = document.getElementById("page")!;

  constructor() {
    for (const name of ["dragover", "drop"]) {
      addEventListener(name, (event) => event.preventDefault());
    }
    this.draw();
  }

  draw(): void {
    const language = this.language;
    document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
    document.title = tr("Sealbook verifier", language).text;
    this.#root.replaceChildren();
    append(this.#root, [
      el("a", { class: "skip", href: "#verify" }, tr("To the verification", language)),
      el(
        "header",
        {},
        el("div", { class: "band" }, el("p", { class: "name", lang: "en" }, tr("Sealbook", language)), this.#switch()),
        el("h1", {}, tr("Verification of deposits", language)),
        el("p", {}, tr("This page checks receipts and evidence files on this machine. It sends nothing and asks nobody; it works without a network.", language)),
      ),
      el("main", { id: "verify", tabindex: "-1" }, this.trust.draw(language), this.evidence.draw(language)),
      this.#footer(),
    ]);
  }

  #confirmed(): void {
    this.evidence.trusted(this.trust.confirmed);
  }

  #switch(): HTMLElement {
    const to = (language: Language, name: string) =>
      el(
        "button",
        {
          type: "button",
          lang: language,
          "aria-pressed": String(this.language === language),
          click: () => {
            this.language = language;
            this.draw();
            this.#root.querySelector<HTMLElement>('.languages [aria-pressed="true"]')?.focus();
          },
        },
        tr(name, "en"),
      );
    return el(
      "div",
      { class: "languages", role: "group", "aria-label": tr("Language", this.language).text },
      to("zh", "中文"),
      to("en", "English"),
    );
  }

  #footer(): HTMLElement {
    const language = this.language;
    return el(
      "footer",
      {},
      el("h2", {}, tr("This page", language)),
      el("p", {}, tr("SHA-256 of this page as this browser holds it:", language)),
      el("p", {}, groups(OWN)),
      el("p", {}, tr("A page cannot prove itself: a forged one could show this too. Whoever wants to be sure computes the SHA-256 of the file with other software and compares it with the release notes.", language)),
    );
  }
}

new Page();
