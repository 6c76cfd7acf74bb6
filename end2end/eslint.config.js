import js from "@eslint/js";
import { defineConfig, globalIgnores } from "eslint/config";
import globals from "globals";

// ESLint runs from the repository's root, so that the same rules apply to the scripts of both pages.
export default defineConfig([
  globalIgnores(["end2end/test-results/", "end2end/screenshots/"]),
  {
    files: ["**/*.{js,mjs}"],
    plugins: { js },
    extends: ["js/recommended"],
    languageOptions: { globals: globals.nodeBuiltin },
    rules: {
      eqeqeq: "error",
      "max-len": ["error", { code: 120 }],
      "no-console": "error",
      "no-var": "error",
      "prefer-const": "error",
    },
  },
  {
    // These files contain functions that run in a page.
    files: ["end2end/{gallery,measure,proxy,tests,webkit}/**/*.js"],
    languageOptions: { globals: globals.browser },
  },
  {
    // Programs for a terminal.
    files: ["examples/*.mjs"],
    rules: { "no-console": "off" },
  },
  {
    // Served as it is written. unit/vanilla.test.js limits its length.
    files: ["public/**/*.js"],
    languageOptions: { globals: globals.browser },
  },
  {
    // Inline in the live page. The classic ones declare what the module uses.
    files: ["src/app/boot/{choices,early,copy}.js"],
    languageOptions: { globals: globals.browser, sourceType: "script" },
    rules: { "no-unused-vars": ["error", { varsIgnorePattern: "^(early|pristine)$" }] },
  },
  {
    files: ["src/app/boot/start.js"],
    languageOptions: { globals: { ...globals.browser, early: "readonly", pristine: "readonly" } },
  },
]);
