import { loadWithCache } from "../../src/cli/code-cache.ts";

/** `code-cache-process.ts BUNDLE HOME`: says what the bundle's `say` returns, keeps the code, and ends. */
const [file = "", home] = process.argv.slice(2);
const { exports, keepCode } = loadWithCache(file, home);
const { say } = exports;
console.log(typeof say === "function" ? say() : "nothing");
keepCode();
