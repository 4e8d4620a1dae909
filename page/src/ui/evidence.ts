// Second stage: what is to be verified, one case for each receipt or evidence file.

import { Words, tr, type Language } from "../words/language.ts";
import { Quoted } from "../words/described.ts";
import type { Kind } from "../worker/protocol.ts";
import { announce } from "./announce.ts";
import { Case } from "./case.ts";
import { append, el, type Child } from "./dom.ts";
import { dropZone } from "./dropping.ts";
import type { Trusted } from "./trust.ts";
import type { Verifier } from "./verifier.ts";

const MAX_FILES = 500;
const HASHES = ["sha256", "sha384", "sha512"];

export class EvidenceStage {
  #trusted: Trusted | null = null;
  #cases: Case[] = [];
  #notices: ((language: Language) => Child)[] = [];
  #language: Language = "en";
  #at = "";
  readonly #doubted: Record<string, string> = {};
  readonly #choice = el("div");
  readonly #reports = el("div", { class: "reports" });
  readonly #section = el("section", { class: "stage", "aria-labelledby": "stage-evidence" }, this.#choice, this.#reports);

  constructor(
    private readonly verifier: Verifier,
    private readonly page: string,
  ) {}

  draw(language: Language): HTMLElement {
    this.#language = language;
    this.#drawChoice();
    this.#reports.replaceChildren(...this.#cases.map((each) => each.draw(language)));
    return this.#section;
  }

  #drawChoice(): void {
    const language = this.#language;
    this.#choice.replaceChildren(el("h2", { id: "stage-evidence" }, tr("2. What is to be verified", language)));
    append(this.#choice, this.#trusted ? this.#open(language) : [this.#closed(language)]);
  }

  /** Take the trust that counts from now on; what was verified under another one is gone. */
  trusted(trusted: Trusted | null): void {
    this.#trusted = trusted;
    this.#cases = [];
    this.#notices = [];
    this.draw(this.#language);
    if (trusted) this.#section.querySelector<HTMLElement>("#evidence-files")?.focus();
  }

  #closed(language: Language): HTMLElement {
    return el("p", { class: "muted" }, tr("First the trust file: without one that was compared with paper, nothing can be shown.", language));
  }

  #open(language: Language): Child[] {
    const zone = dropZone(
      tr("Choose receipts, evidence files, their records (.ers, .inspection) and documents to compare, or drop them here", language),
      tr("Choose files", language),
      { id: "evidence-files", multiple: true },
      (files) => void this.#take(files),
    );
    const date = el("input", { type: "date", id: "as-of", value: this.#at, change: () => {
      this.#at = date.value;
    } });
    return [
      zone,
      el(
        "p",
        { class: "as-of screen" },
        el("label", { for: "as-of" }, tr("Judge as of this day (UTC); without one, today:", language)),
        date,
      ),
      el(
        "details",
        { class: "doubts screen" },
        el("summary", {}, tr("Hash functions that are trusted no more", language)),
        el("p", {}, tr("What rests on one of them counts only where it was renewed before, by another.", language)),
        HASHES.map((name) => this.#doubt(name, language)),
      ),
      ...this.#notices.map((notice) => el("div", { class: "notice", role: "note" }, notice(language))),
    ];
  }

  #doubt(name: string, language: Language): HTMLElement {
    const id = `doubt-${name}`;
    const date = el("input", { type: "date", id, value: this.#doubted[name] ?? "", change: () => {
      this.#doubted[name] = date.value;
    } });
    const hash = new Words(name.toUpperCase().replace("SHA", "SHA-"));
    return el("p", { class: "as-of" }, el("label", { for: id }, tr("{hash} from this day on (UTC):", language, { hash })), date);
  }

  async #take(files: readonly File[]): Promise<void> {
    const trusted = this.#trusted;
    if (!trusted) return;
    this.#notices = [];
    if (files.length > MAX_FILES) {
      this.#notices.push((language) => tr("Of these files only the first {0} are looked at.", language, { 0: MAX_FILES }));
    }
    const taken = files.slice(0, MAX_FILES);
    const { kinds } = await this.verifier.ask("kinds", { ask: "kinds", files: taken });
    const of = (...wanted: Kind[]) => taken.filter((_, n) => wanted.includes(kinds[n]!));
    for (const file of of("trust")) {
      this.#notices.push((language) => [
        tr("A trust file among the evidence is not used: only the one that was compared with paper counts.", language),
        el("p", {}, new Quoted(file.name)),
      ]);
    }
    const main = of("receipt", "evidence", "sealed");
    const records = of("record");
    const inspections = of("inspection");
    const others = of("other");
    const identities = of("identity");
    const at = this.#at ? secondsOf(this.#at) : Math.floor(Date.now() / 1000);
    const doubts = HASHES.filter((name) => this.#doubted[name]).map((name) => [name, secondsOf(this.#doubted[name]!)] as const);
    for (const file of of("unreadable")) {
      this.#notices.push((language) => [
        tr("This cannot be read: it is a folder, or it is no longer there. Add files, not folders.", language),
        el("p", {}, new Quoted(file.name)),
      ]);
    }
    for (const record of records) {
      if (!main.some((each) => besideOf(each, records, ".ers", main.length) === record)) {
        this.#notices.push((language) => [
          tr("An evidence record counts with the file that it is of: add both together.", language),
          el("p", {}, new Quoted(record.name)),
        ]);
      }
    }
    for (const record of inspections) {
      if (!main.some((each) => besideOf(each, inspections, ".inspection", main.length) === record)) {
        this.#notices.push((language) => [
          tr("An inspection record counts with the file that it is of: add both together.", language),
          el("p", {}, new Quoted(record.name)),
        ]);
      }
    }
    if (!main.length && (others.length || identities.length)) {
      this.#notices.push((language) => [
        tr("Nothing here can be verified by itself. Add the receipt or the evidence file, together with the documents that are to be compared.", language),
        ...others.slice(0, 10).map((each) => el("p", {}, new Quoted(each.name))),
      ]);
    }
    const cases = main.map(
      (file) => new Case(this.verifier, trusted, this.page, {
        file,
        record: besideOf(file, records, ".ers", main.length),
        inspections: besideOf(file, inspections, ".inspection", main.length),
        others,
        at,
        doubts,
        identity: identities[0] ?? null,
      }),
    );
    this.#cases = [...cases, ...this.#cases];
    this.#drawChoice();
    this.#reports.prepend(...cases.map((each) => each.draw(this.#language)));
    for (const each of cases) await each.run();
    if (cases.length > 1) announce(tr("All files are looked at.", this.#language));
  }
}

/** Return the POSIX second in which a day begins in UTC. */
function secondsOf(day: string): number {
  return Date.parse(`${day}T00:00:00Z`) / 1000;
}

/** Return the record of a file among `count`: the one named after it, or the only one of the only file. */
function besideOf(file: File, records: readonly File[], suffix: string, count: number): File | null {
  const named = records.find((each) => each.name === file.name + suffix);
  return named ?? (count === 1 && records.length === 1 ? records[0]! : null);
}
