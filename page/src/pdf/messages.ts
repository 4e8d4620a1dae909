// What the page asks the worker that draws PDF, and what that answers.

export type PdfQuestion =
  | { ask: "open"; data: Uint8Array }
  | { ask: "page"; page: number; width: number };

export type PdfAnswer =
  | { told: "pages"; count: number }
  | { told: "page"; page: number; picture: ImageBitmap; text: string }
  | { told: "failed"; reason: string };
