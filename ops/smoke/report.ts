import { textTable } from "../shared/chart.ts";
import type { Check } from "./checks.ts";

/** The checks as a table. Pure. */
export const checkTable = (checks: Check[]): string[] =>
  textTable(
    ["check", "expected", "found", ""],
    checks.map(({ name, expected, actual, ok }) => [
      name,
      shorten(expected),
      shorten(actual),
      ok ? "ok" : "WRONG",
    ]),
  );

/** One line per figure that is not right. */
export const failures = (checks: Check[], more: string[]): string[] => [
  ...checks
    .filter(({ ok }) => !ok)
    .map(({ name, expected, actual }) => `  ${name}: expected ${expected}, found ${actual}`),
  ...more.map((line) => `  ${line}`),
];

const shorten = (text: string): string => (text.length > 40 ? `${text.slice(0, 37)}...` : text);
