// Prints the size in kB of the two files that make up the client, in its newest build.
import { readFileSync, readdirSync, statSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const FOLDER = fileURLToPath(new URL("../../target/site/pkg/", import.meta.url));
const ENDINGS = [".wasm", ".js"];
const PACKINGS = [
  ["raw", (file) => file],
  ["gzip", (file) => gzipSync(file, { level: constants.Z_BEST_COMPRESSION })],
  ["brotli", (file) => brotliCompressSync(file)], // at quality 11, the default and the best
];

/** The newest file with this ending: the folder may hold those of earlier builds too. */
function newest(ending) {
  const paths = readdirSync(FOLDER)
    .filter((name) => name.endsWith(ending))
    .map((name) => `${FOLDER}${name}`);
  if (paths.length === 0) throw new Error(`no ${ending} in ${FOLDER}: build the client first (script/server does)`);
  return paths.toSorted((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)[0];
}

const line = (name, cells) =>
  process.stdout.write(`${name.padEnd(6)}${cells.map((cell) => cell.padStart(9)).join("")}\n`);
const kilobytes = (bytes) => (bytes / 1000).toFixed(1);

const sizes = ENDINGS.map((ending) => {
  const file = readFileSync(newest(ending));
  return PACKINGS.map(([, pack]) => pack(file).length);
});
line(
  "kB",
  PACKINGS.map(([name]) => name),
);
ENDINGS.forEach((ending, row) => line(ending.slice(1), sizes[row].map(kilobytes)));
line(
  "in all",
  PACKINGS.map((_, column) => kilobytes(sizes[0][column] + sizes[1][column])),
);
