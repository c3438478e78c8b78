/** Checks of a component's arguments before anything is created. Every error names the culprit and the cure. */

/** All keys of `T`, checked by the compiler in both directions: none missing, none unknown. */
export type Keys<T> = Record<keyof Required<T>, true>;

export interface Culprit {
  /** The component's noun, e.g. `Stream`. */
  noun: string;
  /** Its logical name. */
  name: string;
}

const label = (who: Culprit): string => `${who.noun} "${who.name}"`;

/** An error that names the component it is about. */
export const argumentError = (who: Culprit, message: string): Error => new Error(`${label(who)}: ${message}`);

/**
 * Refuses keys that no argument has: a mistyped top-level argument of an `aws.*` resource vanishes silently,
 * so components never pass unknown keys on.
 */
export function refuseUnknownKeys<T extends object>(who: Culprit, args: T, keys: Keys<T>): void {
  const known = Object.keys(keys);
  for (const key of Object.keys(args)) {
    if (Object.hasOwn(keys, key)) continue;
    throw argumentError(who, `unknown argument "${key}". Known: ${known.sort().join(", ")}.`);
  }
}

export interface Range {
  minimum: number;
  maximum: number;
  unit?: string;
  /** Values allowed beside the range, e.g. -1 for "no limit". */
  also?: number[];
  /** Whether fractions are allowed; whole numbers only by default. */
  fractions?: boolean;
}

const isInside = (value: unknown, { minimum, maximum, also, fractions }: Range): boolean => {
  if (typeof value !== "number") return false;
  if (also?.includes(value)) return true;
  return (fractions || Number.isInteger(value)) && value >= minimum && value <= maximum;
};

/** Refuses a number outside its range. `undefined` (take the default) and Outputs (known later) pass. */
export function requireRange(who: Culprit, key: string, value: unknown, range: Range): void {
  if (value === undefined || (typeof value === "object" && value !== null) || isInside(value, range)) return;
  const kind = range.fractions ? "number" : "whole number";
  const unit = range.unit ? ` ${range.unit}` : "";
  const also = range.also ? `, or ${range.also.join(", ")}` : "";
  throw argumentError(
    who,
    `${key} is ${String(value)}; it must be a ${kind} from ${range.minimum} to ${range.maximum}${unit}${also}.`,
  );
}
