// The pages of a PDF, drawn by a worker of its own that ends with the view or when it takes too long.

import type { PdfAnswer, PdfQuestion } from "../pdf/messages.ts";
import { tr, type Language } from "../words/language.ts";
import { button, el } from "./dom.ts";
import { decompressed } from "./packed.ts";

const PATIENCE = 30_000;
const WIDTH = 1_240;

export function pdfView(data: Uint8Array, language: Language): HTMLElement {
  const place = el("p", { class: "muted", role: "status" }, tr("The pages are drawn …", language));
  const paper = el("canvas", { class: "paper-page", role: "img" });
  const words = el("details", {}, el("summary", {}, tr("Text of this page, for reading aloud and searching", language)));
  const view = el("div", { class: "pdf" }, place, paper, words);
  let worker: Worker | null = null;
  let page = 1;
  let count = 0;

  const fail = () => {
    worker?.terminate();
    view.replaceChildren(el("p", {}, tr("The pages could not be drawn here. Save the bytes, which are verified, and open them with other software.", language)));
  };
  const ask = (question: PdfQuestion): Promise<PdfAnswer> =>
    new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error("too slow")), PATIENCE);
      worker!.onmessage = ({ data }: MessageEvent<PdfAnswer>) => {
        clearTimeout(late);
        resolve(data);
      };
      worker!.onerror = (event) => {
        event.preventDefault();
        clearTimeout(late);
        reject(new Error(event.message));
      };
      worker!.postMessage(question);
    });
  const turn = async (to: number) => {
    page = Math.min(Math.max(1, to), count);
    before.disabled = after.disabled = true;
    const answer = await ask({ ask: "page", page, width: WIDTH });
    if (answer.told !== "page") return fail();
    const said = tr("Page {0} of {1}, drawn by this page with PDF.js: fonts that the file does not bring may look different.", language, { 0: page, 1: count });
    paper.width = answer.picture.width;
    paper.height = answer.picture.height;
    paper.getContext("bitmaprenderer")!.transferFromImageBitmap(answer.picture);
    paper.setAttribute("aria-label", tr("Page {0} of {1}", language, { 0: page, 1: count }).text);
    place.textContent = said.text;
    const pre = el("pre", { class: "text", tabindex: "0" });
    pre.textContent = answer.text;
    words.replaceChildren(words.firstChild!, pre);
    before.disabled = page === 1;
    after.disabled = page === count;
  };
  const before = button(tr("Page before", language), () => void turn(page - 1).catch(fail));
  const after = button(tr("Next page", language), () => void turn(page + 1).catch(fail));

  const start = async () => {
    worker = new Worker((await decompressed("pdf")) as string);
    const answer = await ask({ ask: "open", data });
    if (answer.told !== "pages" || !answer.count) return fail();
    count = answer.count;
    view.append(el("div", { class: "acts screen" }, before, after));
    await turn(1);
  };
  start().catch(fail);
  new MutationObserver((_, observer) => {
    if (view.isConnected) return;
    worker?.terminate();
    observer.disconnect();
  }).observe(document.getElementById("page")!, { childList: true, subtree: true });
  return view;
}
