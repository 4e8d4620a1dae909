// Bundles the sources. `node build.mjs test`: what Node runs in the differential tests.
import { build } from "esbuild";

const what = process.argv[2];
if (what === "test") {
  await build({
    entryPoints: ["test/run.ts"],
    outfile: "dist/run.mjs",
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20",
    legalComments: "none",
  });
} else {
  throw new Error(`nothing named ${what} to build`);
}
