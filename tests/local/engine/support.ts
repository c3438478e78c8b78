/** Evaluates programs for tests: the fixtures beside this file, and small ones written on the spot. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Graph, ResourceNode } from "../../../local/engine/graph.ts";
import { type EvaluateOptions, evaluate } from "../../../local/engine/program.ts";

const root = path.resolve(import.meta.dirname, "../../..");
const scratch = path.join(root, ".cache", "tests");

export const fixture = (name: string): string => path.join(import.meta.dirname, "fixtures", name);

/** A folder with these files under the project's root, so that a program in it finds the same packages. */
export const writeProgram = (files: Record<string, string>): { directory: string; remove(): void } => {
  mkdirSync(scratch, { recursive: true });
  const directory = mkdtempSync(path.join(scratch, "program-"));
  const manifest = { name: "test-program", private: true, type: "module", main: "index.ts" };
  writeFileSync(path.join(directory, "package.json"), JSON.stringify(manifest));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(directory, name)), { recursive: true });
    writeFileSync(path.join(directory, name), text);
  }
  return { directory, remove: () => rmSync(directory, { recursive: true, force: true }) };
};

export const evaluateFixture = (directory: string, options: Partial<EvaluateOptions> = {}): Promise<Graph> =>
  evaluate({
    directory,
    stack: "dev",
    dryRun: false,
    settings: {
      project: "fixture",
      stack: "dev",
      main: ".",
      config: { "aws:region": "eu-central-1", "fixture:token": "s3cret" },
      secretKeys: ["fixture:token"],
    },
    ...options,
    environment: { NODE_COMPILE_CACHE: path.join(root, ".cache", "compiled"), ...options.environment },
  });

/** Runs one module as a program and returns its graph. */
export const evaluateSource = async (
  source: string,
  options: Partial<EvaluateOptions> = {},
): Promise<Graph> => {
  const program = writeProgram({ "index.ts": source });
  try {
    return await evaluateFixture(program.directory, options);
  } finally {
    program.remove();
  }
};

/** The message with which something fails, which must be an error of the given class. */
export const failureOf = async (
  attempt: Promise<unknown>,
  expected: new (message: string) => Error = Error,
): Promise<string> => {
  try {
    await attempt;
  } catch (error) {
    if (error instanceof expected) return error.message;
    throw error;
  }
  throw new Error("It was expected to fail, and did not.");
};

export const resource = (graph: Graph, type: string, name: string): ResourceNode => {
  const found = graph.resources.find((node) => node.type === type && node.name === name);
  if (!found) throw new Error(`No ${type} "${name}" in the graph.`);
  return found;
};
