declare module "pdfjs-dist/build/pdf.mjs" {
  export { getDocument, type PDFDocumentProxy } from "pdfjs-dist";
}
declare module "pdfjs-dist/build/pdf.worker.mjs";
