/**
 * Loaded into the evaluated program (`node --import`): adds up how long its callbacks take to be located and sliced, and
 * their packages to be found in the cache, and prints the milliseconds as the program ends, after the text in
 * PACKAGING_TIME.
 *
 * The engine's own preload comes first, as without this file: the packager loads Pulumi.
 */
import "../../local/engine/preload.ts";
import { BuildCache } from "../../components/packaging/build-cache.ts";
import { Packager } from "../../components/packaging/package.ts";

let total = 0;

/** The method with its time added to the total. */
function timed<This, Args extends unknown[], Result>(
  method: (this: This, ...args: Args) => Result,
): (this: This, ...args: Args) => Result {
  return function (...args) {
    const started = performance.now();
    try {
      return method.apply(this, args);
    } finally {
      total += performance.now() - started;
    }
  };
}

Packager.prototype.prepare = timed(Packager.prototype.prepare);
BuildCache.prototype.find = timed(BuildCache.prototype.find);
process.once("exit", () => console.log(process.env.PACKAGING_TIME, total));
