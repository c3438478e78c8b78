/**
 * Loads one function's code in a fresh process as Lambda's runtime does, and prints what that took as JSON. Plain
 * JavaScript: stripping types would be part of the work.
 *
 * Bytecode is what V8 makes of exactly those functions that run while the code loads, so its size is the same in every
 * run: https://nodejs.org/api/v8.html#v8getheapcodestatistics. Run it with `--no-flush-bytecode`, so that no garbage
 * collection takes any of it away, and with `--expose-gc`: what waits to be collected is not what the code keeps.
 */
import { createRequire } from "node:module";
import { getHeapCodeStatistics, getHeapStatistics } from "node:v8";

const [, , file] = process.argv;
const compiled = () => getHeapCodeStatistics().bytecode_and_metadata_size;
const heap = () => {
  globalThis.gc();
  return getHeapStatistics().used_heap_size;
};
const before = { compiled: compiled(), heap: heap(), at: performance.now() };

createRequire(file)(file);

// The first of all: collecting is no part of loading.
const loadMs = performance.now();
console.log(
  JSON.stringify({
    compiledBytes: compiled() - before.compiled,
    heapBytes: heap() - before.heap,
    loadMs,
    codeMs: loadMs - before.at,
  }),
);
// What the code has opened must not keep the process alive.
process.exit(0);
