// What a screen reader is told of what goes on.

import type { Words } from "../words/language.ts";

export function announce(words: Words): void {
  document.getElementById("said")!.textContent = words.text;
}
