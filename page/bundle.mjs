// Builds the verifier page, one HTML file without a network: dist/verifier.html, or the path given.
//
// The page and the core stand in it with their names, to be read; PDF.js, of which only
// the pages of a PDF need anything, stands in it compressed. The same sources give the same bytes.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { gzipSync } from "node:zlib";

import { build } from "esbuild";

const MAX_SIZE = 1_500_000;
const target = process.argv[2] ?? "dist/verifier.html";

async function bundled(entry, options = {}) {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    charset: "utf8",
    target: ["es2022"],
    legalComments: "none",
    ...options,
  });
  return outputFiles[0].text.trim();
}

/** Return what may stand in a script element as it is; HTML would end it at another place otherwise. */
function inert(code) {
  const safe = code.replaceAll("<!--", "\\x3c!--"); // it stands in strings and patterns only
  if (/<\/script/i.test(safe)) throw new Error("a script holds what HTML takes for its end");
  return safe;
}

const hashed = (text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

const script = { format: "iife" };
const main = inert(await bundled("src/ui/main.ts", script));
// V8 compiles it as it is loaded, while a person reads the trust file's fingerprint; else at the first verification.
const compiled = "//# allFunctionsCalledOnLoad\n";
const worker = compiled + inert(await bundled("src/worker/main.ts", { ...script, minifyWhitespace: true }));
const pdf = await bundled("src/pdf/worker.ts", { ...script, minify: true });
const style = await bundled("src/ui/style.css", { minify: true });
const packed = gzipSync(pdf, { level: 9 });
packed[9] = 255; // the operating system, which gzip would name

const parts = {
  policy: [
    "default-src 'none'",
    `script-src ${hashed(main)}`,
    `style-src ${hashed(style)}`,
    "worker-src blob:",
    "connect-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types sealbook",
  ].join("; "),
  style,
  worker,
  pdf: packed.toString("base64"),
  main,
};
const page = readFileSync("src/ui/page.html", "utf8").trim().replace(/\{\{(\w+)\}\}/g, (_, name) => parts[name]);
const size = Buffer.byteLength(page);
if (size > MAX_SIZE) throw new Error(`the page has ${size} bytes, more than ${MAX_SIZE}`);
mkdirSync(dirname(target), { recursive: true });
writeFileSync(target, page);
const digest = createHash("sha256").update(page).digest("hex");
console.log(`${target}: ${size} bytes, SHA-256 ${digest}`);
