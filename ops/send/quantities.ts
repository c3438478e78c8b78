import { UsageError } from "../../local/cli.ts";

/** Numbers as people write them on a command line. Pure. */

const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/**
 * `100`, `1e6`, `2.5e3`.
 * @throws {UsageError} naming flag, value and range.
 */
export function parseQuantity(
  flag: string,
  text: string,
  { minimum, maximum }: { minimum: number; maximum: number },
): number {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (Number.isInteger(value) && value >= minimum && value <= maximum) return value;
  throw new UsageError(`${flag} is "${text}"; it must be a whole number from ${minimum} to ${maximum}.`);
}

/**
 * `250ms`, `10s`, `5m`, `1h`, `14d`, as milliseconds.
 * @throws {UsageError} naming flag and value.
 */
export function parseDuration(flag: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text);
  const unit = match?.[2] as keyof typeof UNITS | undefined;
  const value = unit ? Number(match?.[1]) * UNITS[unit] : 0;
  if (value >= 1 && value <= 31 * UNITS.d) return value;
  throw new UsageError(
    `${flag} is "${text}"; it must be a duration like 250ms, 10s, 5m, 1h or 14d (at most 31d).`,
  );
}
