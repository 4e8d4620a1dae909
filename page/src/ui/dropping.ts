// A field that takes files, dropped or chosen, with a mouse or a keyboard.

import type { Words } from "../words/language.ts";
import { el } from "./dom.ts";

interface Field {
  id: string;
  multiple: boolean;
}

export function dropZone(label: Words, choose: Words, { id, multiple }: Field, take: (files: readonly File[]) => void): HTMLElement {
  const input = el("input", { type: "file", id, multiple, change: () => {
    const files = [...(input.files ?? [])];
    input.value = "";
    if (files.length) take(files);
  } });
  const zone = el("label", { class: "drop", for: id }, el("span", {}, label), el("span", { class: "choose", "aria-hidden": "true" }, choose), input);
  zone.addEventListener("dragover", () => zone.classList.add("over"));
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    zone.classList.remove("over");
    const files = [...(event.dataTransfer?.files ?? [])];
    if (files.length) take(files);
  });
  return zone;
}
