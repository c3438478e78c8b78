import { UsageError } from "../../local/cli.ts";
import type { FunctionModel, Model } from "../shared/workload-model.ts";

const SUFFIX = "-function";

/**
 * A function by its logical name, with or without the `-function` that its component adds.
 * @throws {UsageError} naming those there are.
 */
export function findFunction({ functions }: Model, name: string): FunctionModel {
  const found = functions.find(({ node }) => node.name === name || node.name === `${name}${SUFFIX}`);
  if (found) return found;
  const names = functions.map(({ node }) => node.name.replace(new RegExp(`${SUFFIX}$`), "")).sort();
  throw new UsageError(`No function "${name}" in this stack: there are ${names.join(", ")}.`);
}
