// Claims in words, for the test that compares them with the core's: JSON in, JSON out.

import { readFileSync } from "node:fs";

import type { Claim } from "../src/core/report.ts";
import { describe } from "../src/words/claims.ts";
import { Quoted, type Fact } from "../src/words/described.ts";
import type { Language } from "../src/words/language.ts";

const asked = JSON.parse(readFileSync(0, "utf8")) as { claim: Claim; language: Language }[];
const fact = ({ label, value, digest }: Fact) => [
  label.trim(), value instanceof Quoted ? { other: value.text } : value.text, digest ?? false,
];
const told = asked.map(({ claim, language }) => {
  const { title, status, text, facts } = describe(claim, language);
  return { title: title.text, status: status.text, text: text.text, facts: facts.map(fact) };
});
process.stdout.write(JSON.stringify(told));
