// Draws the pages of one PDF, in a worker of its own: what a hostile file does ends with the worker.

import "./window.ts";
import { getDocument, type PDFDocumentProxy } from "pdfjs-dist/build/pdf.mjs";
import * as parser from "pdfjs-dist/build/pdf.worker.mjs";

import type { PdfAnswer, PdfQuestion } from "./messages.ts";

Object.assign(globalThis, { pdfjsWorker: parser });

const MAX_PIXELS = 4_000_000;
const MAX_SIDE = 8_192;

/** Canvases without a document. */
class Canvases {
  create(width: number, height: number) {
    const canvas = new OffscreenCanvas(Math.max(1, width), Math.max(1, height));
    return { canvas, context: canvas.getContext("2d") };
  }
  reset(held: { canvas: OffscreenCanvas }, width: number, height: number) {
    held.canvas.width = Math.max(1, width);
    held.canvas.height = Math.max(1, height);
  }
  destroy(held: { canvas: OffscreenCanvas | null; context: unknown }) {
    held.canvas = null;
    held.context = null;
  }
}

/** Filters need SVG, which a worker has not: pages are drawn without them. */
class Filters {
  addFilter() { return "none"; }
  addHCMFilter() { return "none"; }
  addAlphaFilter() { return "none"; }
  addLuminosityFilter() { return "none"; }
  addKnockoutFilter() { return "none"; }
  addHighlightHCMFilter() { return "none"; }
  createSelectionStyle() { return "none"; }
  destroy() {}
}

class Nothing {
  async fetch(): Promise<never> {
    throw new Error("nothing is fetched");
  }
}

let document: PDFDocumentProxy;

async function answer(question: PdfQuestion): Promise<PdfAnswer> {
  if (question.ask === "open") {
    document = await getDocument({
      data: question.data,
      CanvasFactory: Canvases,
      FilterFactory: Filters,
      BinaryDataFactory: Nothing,
      disableFontFace: true,
      useSystemFonts: false,
      useWasm: false,
      useWorkerFetch: false,
      isOffscreenCanvasSupported: true,
      isImageDecoderSupported: false,
      enableXfa: false,
      stopAtErrors: false,
      verbosity: 0,
    } as unknown as Parameters<typeof getDocument>[0]).promise;
    return { told: "pages", count: document.numPages };
  }
  const page = await document.getPage(question.page);
  const natural = page.getViewport({ scale: 1 });
  const fit = question.width / natural.width;
  const area = Math.sqrt(MAX_PIXELS / (natural.width * natural.height));
  const side = MAX_SIDE / Math.max(natural.width, natural.height);
  const viewport = page.getViewport({ scale: Math.min(fit, area, side) });
  const canvas = new OffscreenCanvas(Math.ceil(viewport.width), Math.ceil(viewport.height));
  const context = canvas.getContext("2d")!;
  await page.render({
    canvas: null,
    canvasContext: context as unknown as CanvasRenderingContext2D,
    viewport,
    annotationMode: 1,
  }).promise;
  const words = await page.getTextContent();
  const text = (words.items as object[]).map((each) => ("str" in each ? `${each.str}${"hasEOL" in each && each.hasEOL ? "\n" : ""}` : "")).join("");
  page.cleanup();
  return { told: "page", page: question.page, picture: canvas.transferToImageBitmap(), text };
}

self.onmessage = ({ data }: MessageEvent<PdfQuestion>) => {
  answer(data).then(
    (told) => self.postMessage(told, told.told === "page" ? { transfer: [told.picture] } : {}),
    (error: unknown) => self.postMessage({ told: "failed", reason: String(error) } satisfies PdfAnswer),
  );
};
