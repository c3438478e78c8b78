/** What a change does to a month's cost. Pure. */
import { type Static, Type } from "typebox";
import { Compile } from "typebox/compile";
import type { Statement } from "./statement.ts";

/** The part of an earlier `npm run cost -- --json` that is compared. */
const Base = Type.Object({
  stack: Type.String(),
  dollars: Type.Number(),
  idleDollars: Type.Number(),
  freeTier: Type.Boolean(),
  region: Type.String(),
  date: Type.String(),
  given: Type.Record(Type.String(), Type.Union([Type.Number(), Type.Record(Type.String(), Type.Number())])),
  services: Type.Array(Type.Object({ service: Type.String(), dollars: Type.Number() })),
  functions: Type.Array(Type.Object({ name: Type.String(), lambda: Type.Number(), causes: Type.Number() })),
});

const validator = Compile(Base);

export interface Change {
  name: string;
  before: number;
  now: number;
}

export interface Difference {
  total: Change;
  idle: Change;
  /** Those that differ by a cent or more, the largest first. */
  services: Change[];
  functions: Change[];
}

/** Less is nothing that anyone could see on a bill. */
const VISIBLE = 0.005;

interface Amount {
  name: string;
  dollars: number;
}

const changes = (before: readonly Amount[], now: readonly Amount[]): Change[] => {
  const [then, today] = [before, now].map(
    (amounts) => new Map(amounts.map(({ name, dollars }) => [name, dollars])),
  ) as [Map<string, number>, Map<string, number>];
  return [...new Set([...then.keys(), ...today.keys()])]
    .map((name) => ({ name, before: then.get(name) ?? 0, now: today.get(name) ?? 0 }))
    .filter((change) => Math.abs(change.now - change.before) >= VISIBLE)
    .sort((left, right) => Math.abs(right.now - right.before) - Math.abs(left.now - left.before));
};

/** Everything that must be equal for a difference to be the program's own, flat and by what people call it. */
const conditionsOf = ({ stack, freeTier, region, date, given }: Static<typeof Base>): Map<string, string> => {
  const { devices, everySeconds, ...others } = given;
  const load = Object.entries({ devices, everySeconds, ...others }).flatMap(([key, value]) =>
    typeof value === "object"
      ? Object.entries(value).map(([name, rate]) => [`${key}.${name}`, rate] as const)
      : [[key, value] as const],
  );
  const conditions = [
    ["stack", stack],
    ["region", region],
    ["prices' date", date],
    ["free tier", freeTier],
  ];
  return new Map([...conditions, ...load].map(([name, value]) => [String(name), String(value)]));
};

/** Where a month was made differently, a clause each. */
const discrepancies = (base: Static<typeof Base>, statement: Static<typeof Base>): string[] => {
  const [there, here] = [conditionsOf(base), conditionsOf(statement)];
  return [...new Set([...there.keys(), ...here.keys()])]
    .filter((name) => there.get(name) !== here.get(name))
    .map(
      (name) =>
        `${name} is ${there.get(name) ?? "not given"} there and ${here.get(name) ?? "not given"} here`,
    );
};

/** The first few of a list, and how many more there are. */
const firstOf = (items: readonly string[], most: number): string =>
  items.slice(0, most).join(", ") + (items.length > most ? `, and ${items.length - most} more` : "");

const NAMED = 5;

/**
 * @param base what an earlier `--json` said
 * @throws {Error} when it is none, or of another stack, load or list of prices: naming what differs
 */
export const differenceOf = (statement: Statement, base: unknown, file: string): Difference => {
  if (!validator.Check(base))
    throw new Error(`${file} is not what \`npm run cost -- --json\` prints: it cannot be compared.`);
  const different = discrepancies(base, statement);
  if (different.length > 0)
    throw new Error(
      `${file} cannot be compared: ${firstOf(different, NAMED)}. Make it anew for the same stack, load and prices.`,
    );
  return {
    total: { name: "a month", before: base.dollars, now: statement.dollars },
    idle: { name: "idle", before: base.idleDollars, now: statement.idleDollars },
    services: changes(
      base.services.map(({ service, dollars }) => ({ name: service, dollars })),
      statement.services.map(({ service, dollars }) => ({ name: service, dollars })),
    ),
    functions: changes(base.functions.map(functionAmount), statement.functions.map(functionAmount)),
  };
};

const functionAmount = ({ name, lambda, causes }: { name: string; lambda: number; causes: number }) => ({
  name,
  dollars: lambda + causes,
});

export interface Bounds {
  max?: number;
  maxIncrease?: number;
  /** Whether resources without a price are let pass. */
  allowUnpriced?: boolean;
}

/** What has no price makes every other figure too low. */
const unpriced = ({ notPriced }: Pick<Statement, "notPriced">): string[] => {
  if (notPriced.length === 0) return [];
  const names = notPriced.map(({ type, resource }) => `${type} ${resource}`);
  return [
    `The month is higher than told, as the model has no price for ${firstOf(names, NAMED)}: give it a meter in ops/cost/meters, or let it pass with --allow-unpriced.`,
  ];
};

/** Why a month is not let pass, a sentence each. */
export const brokenBounds = (
  statement: Pick<Statement, "dollars" | "notPriced">,
  difference: Difference | undefined,
  { max, maxIncrease, allowUnpriced = false }: Bounds,
): string[] => {
  const { dollars } = statement;
  const increase = difference ? difference.total.now - difference.total.before : 0;
  return [
    ...(max !== undefined && dollars > max
      ? [`A month costs $${dollars.toFixed(2)}, over the $${max} of --max.`]
      : []),
    ...(maxIncrease !== undefined && increase > maxIncrease
      ? [
          `A month costs $${increase.toFixed(2)} more than before, over the $${maxIncrease} of --max-increase.`,
        ]
      : []),
    ...(allowUnpriced ? [] : unpriced(statement)),
  ];
};
