/** Holds measured functions to their baseline. Pure. */
import { BASELINE_FILE, type Baseline, type FunctionBaseline } from "../shared/baseline.ts";
import type { LoadWork } from "./load-work.ts";
import { addedParts } from "./parts.ts";

/** One function as it is now. */
export interface Measured extends LoadWork {
  name: string;
  zipBytes: number;
  parts: Record<string, number>;
}

/** How much a function may grow over its baseline. */
const ALLOWED = 1.1;
/**
 * How much longer than the others a function may take to load, against its baseline: time is noisy, so this finds only
 * what no count sees, a wait or a long loop.
 */
const ALLOWED_SLOWNESS = 2;
const SHOWN_PARTS = 3;
const CURE = "If that is wanted: npm run baseline, and commit the file.";

const kilobytes = (bytes: number): string => `${(bytes / 1_024).toFixed(1)} KB`;
const percent = (before: number, after: number): string => `${((after / before - 1) * 100).toFixed(1)} %`;

const hasGrown = (before: number, after: number): boolean => after > before * ALLOWED;

const mostAdded = (before: FunctionBaseline, after: Measured): string => {
  const added = addedParts(before.parts, after.parts).slice(0, SHOWN_PARTS);
  if (added.length === 0) return "No module has grown: it is what lies beside the bundle.";
  return `Most added: ${added.map(({ part, bytes }) => `${part} +${kilobytes(bytes)}`).join(", ")}.`;
};

const grown = (what: string, [before, after]: [number, number], reason: string): string =>
  `${what} has grown by ${percent(before, after)}, from ${kilobytes(before)} to ${kilobytes(after)}; a tenth is allowed. ${reason} ${CURE}`;

const zipProblems = (before: FunctionBaseline, after: Measured): string[] =>
  hasGrown(before.zipBytes, after.zipBytes)
    ? [
        grown(
          `Function "${after.name}": its zip`,
          [before.zipBytes, after.zipBytes],
          mostAdded(before, after),
        ),
      ]
    : [];

const initProblems = (before: FunctionBaseline, after: Measured): string[] => {
  const what = `Function "${after.name}": what its initialisation`;
  if (hasGrown(before.compiledBytes, after.compiledBytes)) {
    const sizes: [number, number] = [before.compiledBytes, after.compiledBytes];
    return [grown(`${what} compiles`, sizes, mostAdded(before, after))];
  }
  if (hasGrown(before.heapBytes, after.heapBytes)) {
    const sizes: [number, number] = [before.heapBytes, after.heapBytes];
    return [grown(`${what} keeps on the heap`, sizes, "Something large is made while the module loads.")];
  }
  return [];
};

const median = (values: number[]): number =>
  values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/**
 * The functions that take more than twice as long to load as their baseline and the other functions of this run let
 * expect, with how many times longer. What all have become slower by is the machine's.
 */
export function slowOnes({ functions }: Baseline, measured: readonly Measured[]): Map<string, number> {
  const known = measured.flatMap(({ name, loadMs }) => {
    const before = functions[name];
    return before ? [{ name, factor: loadMs / before.initMs }] : [];
  });
  const machine = median(known.map(({ factor }) => factor));
  return new Map(
    known
      .map(({ name, factor }) => [name, factor / machine] as const)
      .filter(([, slowness]) => slowness > ALLOWED_SLOWNESS),
  );
}

const slowProblems = (slow: ReadonlyMap<string, number>): string[] =>
  [...slow].map(
    ([name, slowness]) =>
      `Function "${name}": it takes ${slowness.toFixed(1)} x as long to load as its baseline and the other functions let expect. Something waits or loops while the module loads. ${CURE}`,
  );

export interface Verdict {
  /** Each fails the check. */
  problems: string[];
  /** What was not compared, and why. */
  notes: string[];
}

/** What was found, and which functions are slow: by how many times. */
export interface Findings {
  measured: readonly Measured[];
  slow: ReadonlyMap<string, number>;
}

/** @param node this process's version: what another one compiles is not comparable */
export function judge(baseline: Baseline, { measured, slow }: Findings, node: string): Verdict {
  const sameNode = baseline.node === node;
  const problems = measured.flatMap((after) => {
    const before = baseline.functions[after.name];
    if (!before)
      return [
        `Function "${after.name}" is new: ${BASELINE_FILE} has no entry. Add it: npm run baseline, and commit the file.`,
      ];
    return [...zipProblems(before, after), ...(sameNode ? initProblems(before, after) : [])];
  });
  const names = new Set(measured.map(({ name }) => name));
  const gone = Object.keys(baseline.functions).filter((name) => !names.has(name));
  return {
    problems: [...problems, ...(sameNode ? slowProblems(slow) : [])],
    notes: [
      ...gone.map((name) => `${BASELINE_FILE} still has "${name}", which the program no longer has.`),
      ...(sameNode
        ? []
        : [
            `Initialisation is not compared: the baseline was measured with Node ${baseline.node}, this is ${node}.`,
          ]),
    ],
  };
}
