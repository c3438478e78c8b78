/**
 * `bench/baseline.json`: what every function of the dev stack weighs and takes, measured on purpose with
 * `npm run baseline`. Budgets are held to it, plans show it, cost and capacity calculate with it.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Static, Type } from "typebox";
import { Compile } from "typebox/compile";

/** Relative to the project. */
export const BASELINE_FILE = "bench/baseline.json";
/** The stack that is measured. */
export const BASELINE_STACK = "dev";

const Positive = Type.Number({ exclusiveMinimum: 0 });
const Whole = Type.Integer({ minimum: 1 });

const Figures = Type.Object(
  {
    /** Of the deployment package. */
    zipBytes: Whole,
    /** From the start of the process until it asks for its first event: median of several fresh environments. */
    initMs: Positive,
    /** Of warm invocations, under the smoke test's own traffic. */
    durationMs: Type.Object({ p50: Positive, p99: Positive }, { additionalProperties: false }),
    /** Most memory seen in use, in MB. */
    memoryMb: Positive,
    /** Bytecode that V8 makes while the code loads: the same in every run of one Node. */
    compiledBytes: Whole,
    /** Heap in use after loading, over what was in use before. */
    heapBytes: Whole,
    /** Bytes in the bundle by package or own file; what is small is summed. */
    parts: Type.Record(Type.String(), Whole),
  },
  { additionalProperties: false },
);

const Baseline = Type.Object(
  {
    measured: Type.String({ pattern: "^\\d{4}-\\d{2}-\\d{2}$" }),
    machine: Type.String({ minLength: 1 }),
    /** Node's version, e.g. `v24.21.0`. */
    node: Type.String({ minLength: 1 }),
    /** By the function's logical name, e.g. `telemetry-aggregate-function`. */
    functions: Type.Record(Type.String(), Figures),
  },
  { additionalProperties: false },
);

/** One function's figures. */
export type FunctionBaseline = Static<typeof Figures>;
export type Baseline = Static<typeof Baseline>;

const validator = Compile(Baseline);
const CURE = "Measure anew with `npm run baseline`.";

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`${BASELINE_FILE} is not JSON. ${CURE}`);
  }
}

/** What the validator says of a key that the schema does not have. */
const UNKNOWN_KEY = "schema is false";

/** `/functions/a/initMs` -> `functions.a.initMs`. */
function nameOf(pointer: string): string {
  return pointer.slice(1).replaceAll("/", ".") || "the file";
}

/** @throws Error that names the first thing wrong, and the cure. */
export function parseBaseline(text: string): Baseline {
  const value = parse(text);
  if (validator.Check(value)) return value;
  const [{ instancePath, message } = { instancePath: "", message: "is wrong" }] = validator.Errors(value);
  const problem = message === UNKNOWN_KEY ? "is not known here" : message;
  throw new Error(`${BASELINE_FILE}: ${nameOf(instancePath)} ${problem}. ${CURE}`);
}

/**
 * The project's baseline; undefined when it has none.
 * @throws Error that names the first thing wrong in it.
 */
export async function readBaseline(directory: string): Promise<Baseline | undefined> {
  const text = await readFile(join(directory, BASELINE_FILE), "utf8").catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw error;
    },
  );
  return text === undefined ? undefined : parseBaseline(text);
}

/** @throws Error that says how the function gets an entry. */
export function figuresOf(baseline: Baseline, functionName: string): FunctionBaseline {
  const figures = Object.hasOwn(baseline.functions, functionName)
    ? baseline.functions[functionName]
    : undefined;
  if (figures) return figures;
  throw new Error(`${BASELINE_FILE} has no entry for function "${functionName}". ${CURE}`);
}

/** The file's text: functions by name, so that two measurements differ in their figures only. */
export function formatBaseline({ functions, ...head }: Baseline): string {
  const sorted = Object.entries(functions).sort(([left], [right]) => (left < right ? -1 : 1));
  return `${JSON.stringify({ ...head, functions: Object.fromEntries(sorted) }, undefined, 2)}\n`;
}
