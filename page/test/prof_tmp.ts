import { readFileSync } from "node:fs";
import { verifyFile } from "../src/core/evidence/verify_file.ts";
import { parseTrust } from "../src/core/trust.ts";
const data = new Uint8Array(readFileSync("/tmp/prof/r")), trustData = new Uint8Array(readFileSync("/tmp/prof/t"));
const source = { size: data.length, read: async (o: number, l: number) => data.slice(o, o + l) };
for (let i = 0; i < Number(process.argv[2] ?? 10); i++) {
  const t0 = performance.now();
  const trust = parseTrust(trustData);
  const t1 = performance.now();
  const steps: string[] = [];
  const r = await verifyFile(source, { trust, data: trustData }, { at: Number(process.argv[3]??1_800_000_000), onStep: (_, s) => steps.push(`${s.claim.claim}:${s.claim.status}@${(performance.now() - t0).toFixed(0)}`) });
  console.log((t1 - t0).toFixed(1), (performance.now() - t1).toFixed(1), steps.join(" "), "good" in r.verdict && r.verdict.good);
}
