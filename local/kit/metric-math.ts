/**
 * Metric math over points of equal length and time. Pure.
 * Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
 *
 * Differs from AWS: searches, anomaly bands, sorting, tags and time functions are refused; FILL takes a number or
 * REPEAT; a metric without a single point is filled, too.
 */
import { idsIn, MathError, type MathNode, parseMath } from "./metric-math-parser.ts";

/** The newest last; undefined where nothing was reported. */
export type Points = readonly (number | undefined)[];
type Value = number | Points | readonly Points[];

interface MathInput {
  /** The points of a metric or expression; undefined when there is none of that name. */
  points(id: string): Points | undefined;
  /** Names of all metrics, for METRICS(). */
  readonly metrics: readonly string[];
  readonly periodSeconds: number;
  /** How many points each metric has. */
  readonly length: number;
}

/** A compiled expression. */
export interface MathExpression {
  /** Metrics and expressions that it names. */
  readonly ids: readonly string[];
  /** @throws MathError */
  evaluate(input: MathInput): Points;
}

const truth = (value: boolean): number => (value ? 1 : 0);

const OPERATORS: Readonly<Record<string, (a: number, b: number) => number>> = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => a / b,
  "^": (a, b) => a ** b,
  "==": (a, b) => truth(a === b),
  "!=": (a, b) => truth(a !== b),
  "<": (a, b) => truth(a < b),
  ">": (a, b) => truth(a > b),
  "<=": (a, b) => truth(a <= b),
  ">=": (a, b) => truth(a >= b),
  AND: (a, b) => truth(a !== 0 && b !== 0),
  "&&": (a, b) => truth(a !== 0 && b !== 0),
  OR: (a, b) => truth(a !== 0 || b !== 0),
  "||": (a, b) => truth(a !== 0 || b !== 0),
};

/** A division by zero has no point. */
const finite = (value: number): number | undefined => (Number.isFinite(value) ? value : undefined);

const isList = (value: Value): value is readonly Points[] => Array.isArray(value) && Array.isArray(value[0]);

const single = (value: Value | undefined, where: string): number | Points => {
  if (value === undefined) throw new MathError(`${where} needs a value.`);
  if (isList(value)) throw new MathError(`${where} takes one metric, not several.`);
  return value as number | Points;
};

const at = (value: number | Points, index: number): number | undefined =>
  typeof value === "number" ? value : value[index];

const map = (value: number | Points, change: (value: number) => number): number | Points =>
  typeof value === "number"
    ? change(value)
    : value.map((point) => (point === undefined ? undefined : finite(change(point))));

const combine = (
  left: number | Points,
  right: number | Points,
  operate: (a: number, b: number) => number,
): number | Points => {
  if (typeof left === "number" && typeof right === "number") return operate(left, right);
  const { length } = typeof left === "number" ? (right as Points) : left;
  return Array.from({ length }, (_, index) => {
    const [a, b] = [at(left, index), at(right, index)];
    return a === undefined || b === undefined ? undefined : finite(operate(a, b));
  });
};

const known = (points: Points): number[] => points.filter((point) => point !== undefined);

type Reducer = (values: readonly number[]) => number;

const REDUCERS = {
  SUM: (values) => values.reduce((sum, value) => sum + value, 0),
  AVG: (values) => values.reduce((sum, value) => sum + value, 0) / values.length,
  MIN: (values) => values.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY),
  MAX: (values) => values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY),
} satisfies Readonly<Record<string, Reducer>>;

/** Of one metric a number over its points, of several a point at each time. */
const reduce = (value: Value, reducer: Reducer): Value => {
  if (typeof value === "number") return value;
  if (!isList(value)) return reducer(known(value as Points));
  return (value[0] ?? []).map((_, index) => {
    const values = known(value.map((points) => points[index]));
    return values.length === 0 ? undefined : reducer(values);
  });
};

const fill = (value: number | Points, filler: number | Points | "REPEAT"): number | Points => {
  if (typeof value === "number") return value;
  let last: number | undefined;
  return value.map((point, index) => {
    if (point !== undefined) last = point;
    return point ?? (filler === "REPEAT" ? last : at(filler, index));
  });
};

/** What changed since the point before, when there is one. */
const differences = (value: number | Points, perSeconds: number): number | Points => {
  if (typeof value === "number") return 0;
  return value.map((point, index) => {
    const before = value[index - 1];
    return point === undefined || before === undefined ? undefined : (point - before) / perSeconds;
  });
};

type Call = (items: readonly MathNode[], input: MathInput) => Value;

const argument = (items: readonly MathNode[], index: number, input: MathInput): number | Points => {
  const node = items[index];
  return single(node && run(node, input), "a function");
};

const each =
  (change: (value: number) => number): Call =>
  (items, input) =>
    map(argument(items, 0, input), change);

const reducing =
  (reducer: Reducer): Call =>
  ([item], input) => {
    if (item === undefined) throw new MathError("a function needs a value.");
    return reduce(run(item, input), reducer);
  };

const CALLS: Readonly<Record<string, Call>> = {
  ABS: each(Math.abs),
  CEIL: each(Math.ceil),
  FLOOR: each(Math.floor),
  LOG: each(Math.log),
  LOG10: each(Math.log10),
  SUM: reducing(REDUCERS.SUM),
  AVG: reducing(REDUCERS.AVG),
  MIN: reducing(REDUCERS.MIN),
  MAX: reducing(REDUCERS.MAX),
  METRICS: (_, input) => input.metrics.map((id) => input.points(id) ?? []),
  PERIOD: (_, input) => input.periodSeconds,
  DIFF: (items, input) => differences(argument(items, 0, input), 1),
  RATE: (items, input) => differences(argument(items, 0, input), input.periodSeconds),
  FILL: (items, input) => {
    const [, filler] = items;
    const repeats = filler?.kind === "id" && filler.id.toUpperCase() === "REPEAT";
    return fill(argument(items, 0, input), repeats ? "REPEAT" : argument(items, 1, input));
  },
  IF: (items, input) => {
    const condition = argument(items, 0, input);
    const [yes, no] = [1, 2].map((index) => (items[index] ? argument(items, index, input) : undefined));
    return Array.from({ length: input.length }, (_, index) => {
      const says = at(condition, index);
      if (says === undefined) return undefined;
      const chosen = says === 0 ? no : yes;
      return chosen === undefined ? undefined : at(chosen, index);
    });
  },
};

const call = (name: string, items: readonly MathNode[], input: MathInput): Value => {
  const found = Object.hasOwn(CALLS, name) ? CALLS[name] : undefined;
  if (found) return found(items, input);
  throw new MathError(`${name} is no function that is served here.`);
};

const run = (node: MathNode, input: MathInput): Value => {
  if (node.kind === "number") return node.value;
  if (node.kind === "call") return call(node.name, node.items, input);
  if (node.kind === "list") {
    return node.items.map((item) => {
      const value = single(run(item, input), "a list");
      return typeof value === "number" ? Array.from({ length: input.length }, () => value) : value;
    });
  }
  if (node.kind === "negative") return map(single(run(node.item, input), "-"), (value) => -value);
  if (node.kind === "binary") {
    const { operator, left, right } = node;
    const operate = OPERATORS[operator] as (a: number, b: number) => number;
    return combine(single(run(left, input), operator), single(run(right, input), operator), operate);
  }
  const points = input.points(node.id);
  if (points === undefined) throw new MathError(`there is no metric "${node.id}".`);
  return points;
};

/** @throws MathError saying what is wrong with the text */
export const compileMath = (text: string): MathExpression => {
  const node = parseMath(text);
  return {
    ids: idsIn(node).filter((id) => id.toUpperCase() !== "REPEAT"),
    evaluate: (input) => {
      const value = single(run(node, input), "the result");
      if (typeof value !== "number") return value;
      return Array.from({ length: input.length }, () => finite(value));
    },
  };
};
