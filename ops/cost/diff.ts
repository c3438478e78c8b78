/** What a change does to a month's cost. Pure. */
import { Type } from "typebox";
import { Compile } from "typebox/compile";
import type { Statement } from "./statement.ts";

/** The part of an earlier `npm run cost -- --json` that is compared. */
const Base = Type.Object({
  stack: Type.String(),
  dollars: Type.Number(),
  idleDollars: Type.Number(),
  freeTier: Type.Boolean(),
  load: Type.Object({ devices: Type.Number(), everySeconds: Type.Number() }),
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

/**
 * @param base what an earlier `--json` said
 * @throws {Error} when it is none, or of another stack or load
 */
export const differenceOf = (statement: Statement, base: unknown, file: string): Difference => {
  if (!validator.Check(base))
    throw new Error(`${file} is not what \`npm run cost -- --json\` prints: it cannot be compared.`);
  const { devices, everySeconds } = statement.load;
  const isSame =
    base.stack === statement.stack &&
    base.load.devices === devices &&
    base.load.everySeconds === everySeconds &&
    base.freeTier === statement.freeTier;
  if (!isSame)
    throw new Error(
      `${file} is of stack "${base.stack}" with ${base.load.devices} devices every ${base.load.everySeconds} s, ${base.freeTier ? "with" : "without"} the free tier: make it anew for this stack and load.`,
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

const NAMED = 5;

/** What has no price makes every other figure too low. */
const unpriced = ({ notPriced }: Pick<Statement, "notPriced">): string[] => {
  if (notPriced.length === 0) return [];
  const names = notPriced.slice(0, NAMED).map(({ type, resource }) => `${type} ${resource}`);
  const more = notPriced.length > NAMED ? `, and ${notPriced.length - NAMED} more` : "";
  return [
    `The month is higher than told, as the model has no price for ${names.join(", ")}${more}: give it a meter in ops/cost/meters, or let it pass with --allow-unpriced.`,
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
