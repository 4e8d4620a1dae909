// Elements, made one by one and never from markup: what others have written is text and nothing else.

import type { Status } from "../core/report.ts";
import { quoted } from "../core/quoted.ts";
import { Quoted } from "../words/described.ts";
import { Words } from "../words/language.ts";

export type Child = Node | Words | Quoted | null | readonly Child[];
type Attributes = Record<string, string | boolean | EventListener | undefined>;

/** Return an element; of attributes a function is a listener, true one without a value. */
export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name, value);
    else if (value === true) made.setAttribute(name, "");
    else if (typeof value === "string") made.setAttribute(name, value);
  }
  append(made, children);
  return made;
}

export function append(parent: Node, children: readonly Child[]): void {
  for (const each of children) {
    if (each === null) continue;
    if (each instanceof Words) parent.appendChild(document.createTextNode(each.text));
    else if (each instanceof Quoted) parent.appendChild(other(each.text));
    else if (each instanceof Node) parent.appendChild(each);
    else append(parent, each);
  }
}

/** Return words of others: quoted, escaped, cut, and kept from turning what stands around them. */
export function other(text: string): HTMLElement {
  const made = document.createElement("bdi");
  made.className = "other";
  made.textContent = quoted(text);
  return made;
}

/** Return a hash in groups of four digits. */
export function groups(digits: string, style = "digest"): HTMLElement {
  const made = el("span", { class: style });
  for (const each of digits.replace(/ /g, "").match(/.{1,4}/g) ?? []) {
    made.append(el("span", {}, new Words(each)), " ");
  }
  return made;
}

const DRAWN: Record<Status | "running" | "waiting", string> = {
  proven: "M8 0a8 8 0 1 0 0 16A8 8 0 0 0 8 0Zm-1.2 11.6L3.6 8.4l1.3-1.3 1.9 1.9 4.3-4.5 1.3 1.3Z",
  stated:
    "M8 0a8 8 0 1 0 0 16A8 8 0 0 0 8 0ZM4 10.4V8.2c0-2 1-3.2 2.8-3.6v1.2c-.7.3-1.1.8-1.1 1.7h1.1v2.9Zm4.8 0V8.2c0-2 1-3.2 2.8-3.6v1.2c-.7.3-1.1.8-1.1 1.7h1.1v2.9Z",
  "not-shown": "M8 0a8 8 0 1 0 0 16A8 8 0 0 0 8 0Zm0 1.5a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13ZM4.5 7.2h7v1.6h-7Z",
  failed: "M0 0h16v16H0Zm4.6 3.5L3.5 4.6 6.9 8l-3.4 3.4 1.1 1.1L8 9.1l3.4 3.4 1.1-1.1L9.1 8l3.4-3.4-1.1-1.1L8 6.9Z",
  running: "M8 3.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9Z",
  waiting: "M8 6a2 2 0 1 0 0 4 2 2 0 0 0 0-4Z",
};

/** Return the drawing of a status; the word always stands beside it. */
export function icon(status: keyof typeof DRAWN): SVGSVGElement {
  const space = "http://www.w3.org/2000/svg";
  const drawing = document.createElementNS(space, "svg");
  const path = document.createElementNS(space, "path");
  drawing.setAttribute("viewBox", "0 0 16 16");
  drawing.setAttribute("class", `icon ${status}`);
  drawing.setAttribute("aria-hidden", "true");
  path.setAttribute("d", DRAWN[status]);
  path.setAttribute("fill-rule", "evenodd");
  drawing.appendChild(path);
  return drawing;
}

export function button(words: Words, act: () => void, style = ""): HTMLButtonElement {
  return el("button", { type: "button", class: style, click: act }, words);
}

/** Offer bytes for saving, as bytes and nothing that a browser would open. */
export function save(name: string, parts: BlobPart[], type = "application/octet-stream"): void {
  const address = URL.createObjectURL(new Blob(parts, { type }));
  el("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
