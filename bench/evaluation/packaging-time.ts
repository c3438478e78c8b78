/**
 * Loaded into the evaluated program (`node --import`): adds up how long its callbacks take to be located, sliced and
 * handed over, and prints the milliseconds as the program ends, after the text in PACKAGING_TIME.
 */
import { Packager } from "../../components/packaging/package.ts";

const { prepare } = Packager.prototype;
let total = 0;

Packager.prototype.prepare = function (this: Packager, ...args) {
  const started = performance.now();
  const prepared = prepare.apply(this, args);
  total += performance.now() - started;
  return prepared;
};

process.once("exit", () => console.log(process.env.PACKAGING_TIME, total));
