/**
 * Which inputs a resource class declares, read from the SDK that the program itself uses.
 *
 * The protocol has no word for "this optional input was left out": a property that is missing from the outputs is
 * missing, be it an unset option or a forgotten output. The engine answers null for the first and unknown for the
 * second, and the class of each resource tells them apart:
 * `resourceInputs["tags"] = args?.tags` against `resourceInputs["arn"] = undefined` with the comment `out`.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import type { OptionalInputs } from "./deployment.ts";

const TYPE = /^(?<provider>[a-z][a-z0-9-]*):(?<module>[A-Za-z0-9]+\/[A-Za-z0-9]+):[A-Za-z0-9]+$/;
const INPUT = /resourceInputs\["(\w+)"\] = (?:args\?|pulumi\.|\(?args)/g;

/** The inputs that a generated class file declares. */
export const declaredInputs = (source: string): string[] => [
  ...new Set([...source.matchAll(INPUT)].map(([, name = ""]) => name)),
];

/** Looks a type's inputs up in `@pulumi/<provider>` as the program in `directory` resolves it; none when it has none. */
export const createOptionalInputs = (directory: string): OptionalInputs => {
  const require = createRequire(path.join(directory, "index.ts"));
  const known = new Map<string, string[]>();
  return (type) => {
    const cached = known.get(type);
    if (cached) return cached;
    const inputs = readInputs(require, type);
    known.set(type, inputs);
    return inputs;
  };
};

const readInputs = (require: NodeJS.Require, type: string): string[] => {
  const { provider, module } = TYPE.exec(type)?.groups ?? {};
  if (!provider || !module) return [];
  try {
    return declaredInputs(readFileSync(require.resolve(`@pulumi/${provider}/${module}.js`), "utf8"));
  } catch {
    return [];
  }
};
