// Finds the two files of the client's newest build.
import { readFileSync, readdirSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { brotliCompressSync } from "node:zlib";

const FOLDER = fileURLToPath(new URL("../../target/site/pkg/", import.meta.url));

export const ENDINGS = [".wasm", ".js"];

/** The content of the newest file with this ending: the folder may hold those of earlier builds too. */
export function clientFile(ending) {
  const paths = readdirSync(FOLDER)
    .filter((name) => name.endsWith(ending))
    .map((name) => `${FOLDER}${name}`);
  if (paths.length === 0) throw new Error(`no ${ending} in ${FOLDER}: build the client first (script/server does)`);
  return readFileSync(paths.toSorted((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)[0]);
}

/** The size of both files together, as brotli sends them, in bytes. */
export const clientSize = () => ENDINGS.reduce((sum, ending) => sum + brotliCompressSync(clientFile(ending)).length, 0);
