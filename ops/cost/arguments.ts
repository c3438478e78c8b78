/** The command line of `npm run cost`, checked before anything is evaluated. */
import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { UsageError } from "../../local/cli.ts";
import { parseDuration, parseQuantity } from "../send/quantities.ts";

export const USAGE =
  "Usage: npm run cost -- [--stack dev] (--devices N [--every 10s] | --load FILE) [--free-tier] [--prices FILE] " +
  "[--diff BASE.json] [--max DOLLARS] [--max-increase DOLLARS] [--allow-unpriced] [--json | --markdown]";

const MOST_DEVICES = 1e12;

export interface CostArguments {
  stack: string;
  /** What was given of the load, not checked yet. */
  load: unknown;
  /** What the load came from. */
  from: string;
  format: "text" | "json" | "markdown";
  freeTier: boolean;
  prices: string | undefined;
  diff: string | undefined;
  max: number | undefined;
  maxIncrease: number | undefined;
  allowUnpriced: boolean;
}

const OPTIONS = {
  stack: { type: "string", default: "dev" },
  devices: { type: "string" },
  every: { type: "string" },
  load: { type: "string" },
  "free-tier": { type: "boolean", default: false },
  prices: { type: "string" },
  diff: { type: "string" },
  max: { type: "string" },
  "max-increase": { type: "string" },
  "allow-unpriced": { type: "boolean", default: false },
  json: { type: "boolean", default: false },
  markdown: { type: "boolean", default: false },
} as const;

const dollars = (flag: string, text: string | undefined): number | undefined => {
  if (text === undefined) return undefined;
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (Number.isFinite(value) && value >= 0 && value <= MOST_DEVICES) return value;
  throw new UsageError(`${flag} is "${text}"; it must be dollars a month, from 0 to ${MOST_DEVICES}.`);
};

/** The load of `--devices` and `--every`. @throws {UsageError} naming flag and value */
export const loadOf = (devices: string, every = "10s"): { devices: number; everySeconds: number } => ({
  devices: parseQuantity("--devices", devices, { minimum: 1, maximum: MOST_DEVICES }),
  everySeconds: parseDuration("--every", every) / 1_000,
});

/** A file's JSON. @throws {UsageError} naming file and flag */
export const readJson = async (flag: string, file: string): Promise<unknown> => {
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`${flag} ${file} cannot be read: ${error.code}.`);
  });
  try {
    return JSON.parse(text);
  } catch {
    throw new UsageError(`${flag} ${file} is not JSON.`);
  }
};

const readLoad = async (values: {
  devices?: string;
  every?: string;
  load?: string;
}): Promise<{ load: unknown; from: string }> => {
  const { devices, every, load } = values;
  if ((devices === undefined) === (load === undefined))
    throw new UsageError(`The load must be given, by --devices or by --load. ${USAGE}`);
  if (devices !== undefined) return { load: loadOf(devices, every), from: "--devices" };
  if (every !== undefined) throw new UsageError("--every goes with --devices; a load file has everySeconds.");
  return { load: await readJson("--load", load ?? ""), from: load ?? "" };
};

export const readArguments = async (argv?: string[]): Promise<CostArguments> => {
  const { values } = parseArgs({ ...(argv && { args: argv }), options: OPTIONS });
  if (values.json && values.markdown) throw new UsageError("--json and --markdown exclude each other.");
  if (values["max-increase"] !== undefined && values.diff === undefined)
    throw new UsageError("--max-increase needs --diff: what the month cost before.");
  const given = values.json ? "json" : "text";
  return {
    stack: values.stack,
    ...(await readLoad(values)),
    format: values.markdown ? "markdown" : given,
    freeTier: values["free-tier"],
    prices: values.prices,
    diff: values.diff,
    max: dollars("--max", values.max),
    maxIncrease: dollars("--max-increase", values["max-increase"]),
    allowUnpriced: values["allow-unpriced"],
  };
};
