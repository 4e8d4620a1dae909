// Words of others as the page quotes them, for the test that compares them with the core's: JSON in, JSON out.

import { readFileSync } from "node:fs";

import { quoted } from "../src/core/quoted.ts";

process.stdout.write(JSON.stringify((JSON.parse(readFileSync(0, "utf8")) as string[]).map(quoted)));
