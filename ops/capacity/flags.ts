/** The command line of `npm run capacity`, checked as a whole before anything is read. Pure. */
import { parseArgs } from "node:util";
import { UsageError } from "../../local/cli.ts";
import { parseDuration, parseQuantity } from "../send/quantities.ts";

export const USAGE = `Usage: npm run capacity -- (--devices 1e6 [--every 10s] [--mqtt 0] | --load load.json) [--account 1000] [--stack dev] [--json]
       npm run capacity -- --burst 1000 [--function api-get-devices] [--over 0s] [--attempts 1] [--provisioned 0] [--account 1000] [--seed 1] [--stack dev] [--json]
       npm run capacity -- --svg docs/scaling.svg [--seed 1] [--stack dev]`;

interface Common {
  stack: string;
  json: boolean;
  /** Concurrency of the account. */
  account: number;
  seed: number;
}

export interface FleetFlags extends Common {
  task: "fleet";
  devices: number;
  everySeconds: number;
  /** Part of the devices that publish by MQTT, 0 to 1. */
  mqttShare: number;
  /** A file with the load, instead of devices. */
  load: string | undefined;
}

export interface BurstFlags extends Common {
  task: "burst";
  count: number;
  overMs: number;
  attempts: number;
  function: string | undefined;
  provisioned: number | undefined;
}

export interface PictureFlags extends Common {
  task: "svg";
  file: string;
}

export type Flags = FleetFlags | BurstFlags | PictureFlags;

const OPTIONS = {
  stack: { type: "string", default: "dev" },
  json: { type: "boolean", default: false },
  account: { type: "string", default: "1000" },
  seed: { type: "string", default: "1" },
  devices: { type: "string" },
  every: { type: "string" },
  mqtt: { type: "string" },
  load: { type: "string" },
  burst: { type: "string" },
  over: { type: "string" },
  attempts: { type: "string" },
  function: { type: "string" },
  provisioned: { type: "string" },
  svg: { type: "string" },
} as const;

/** What each task takes beside `stack`. */
const TASKS = {
  devices: ["every", "mqtt", "json", "account"],
  load: ["json", "account"],
  burst: ["over", "attempts", "function", "provisioned", "seed", "json", "account"],
  svg: ["seed"],
} as const satisfies Record<string, (keyof typeof OPTIONS)[]>;

const BOUNDS = {
  devices: { minimum: 1, maximum: 1e12 },
  /** More than that takes minutes. */
  burst: { minimum: 1, maximum: 1e6 },
  attempts: { minimum: 1, maximum: 100 },
  provisioned: { minimum: 0, maximum: 100_000 },
  /** 100 must stay unreserved; nobody was given more than a few hundred thousand. */
  account: { minimum: 1, maximum: 1e6 },
  seed: { minimum: 0, maximum: 2 ** 31 - 1 },
};

const EVERY = "10s";

/** `--devices -5` as `--devices=-5`: a wrong number, not another flag. */
const joinNegatives = (args: readonly string[]): string[] =>
  args.flatMap((argument, index) => {
    const isValue = (value: string | undefined) => /^-\d/.test(value ?? "");
    if (isValue(argument) && args[index - 1]?.startsWith("--")) return [];
    const next = args[index + 1];
    return argument.startsWith("--") && isValue(next) ? [`${argument}=${next}`] : [argument];
  });

type Values = ReturnType<typeof read>["values"];

const read = (args: readonly string[]) =>
  parseArgs({ args: joinNegatives(args), options: OPTIONS, tokens: true, strict: true });

/** The one task that is asked for, with nothing beside it that it does not take. */
const taskOf = (given: readonly string[]): keyof typeof TASKS => {
  const tasks = (Object.keys(TASKS) as (keyof typeof TASKS)[]).filter((name) => given.includes(name));
  const [task] = tasks;
  if (task === undefined || tasks.length > 1) {
    const found = tasks.length > 1 ? ` (given: ${tasks.map((name) => `--${name}`).join(", ")})` : "";
    throw new UsageError(`Give one of --devices, --load, --burst and --svg${found}. ${USAGE}`);
  }
  const takes: readonly string[] = [task, "stack", ...TASKS[task]];
  const extra = given.find((name) => !takes.includes(name));
  if (extra !== undefined) throw new UsageError(`--${extra} does not go with --${task}. ${USAGE}`);
  return task;
};

const quantity = (values: Values, name: keyof typeof BOUNDS, fallback: string): number =>
  parseQuantity(`--${name}`, values[name] ?? fallback, BOUNDS[name]);

const burstFlags = (values: Values, common: Common): BurstFlags => ({
  ...common,
  task: "burst",
  count: quantity(values, "burst", ""),
  overMs: values.over === undefined || values.over === "0s" ? 0 : parseDuration("--over", values.over),
  attempts: quantity(values, "attempts", "1"),
  function: values.function,
  provisioned: values.provisioned === undefined ? undefined : quantity(values, "provisioned", ""),
});

/** @throws {UsageError} in one sentence, naming flag, value and range. */
export function parseFlags(args: readonly string[]): Flags {
  const { values, tokens } = read(args);
  const task = taskOf(tokens.flatMap((token) => (token.kind === "option" ? [token.name] : [])));
  const common: Common = {
    stack: values.stack,
    json: values.json,
    account: quantity(values, "account", "1000"),
    seed: quantity(values, "seed", "1"),
  };
  if (task === "svg") return { ...common, task, file: svgFile(values.svg ?? "") };
  if (task === "burst") return burstFlags(values, common);
  return {
    ...common,
    task: "fleet",
    devices: task === "load" ? 0 : quantity(values, "devices", ""),
    everySeconds: parseDuration("--every", values.every ?? EVERY) / 1_000,
    mqttShare: shareOf(values.mqtt ?? "0"),
    load: values.load,
  };
}

const shareOf = (text: string): number => {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (value >= 0 && value <= 1) return value;
  throw new UsageError(`--mqtt is "${text}"; it must be the part of the devices that use MQTT, from 0 to 1.`);
};

const svgFile = (file: string): string => {
  if (file.endsWith(".svg")) return file;
  throw new UsageError(`--svg is "${file}"; it must be a file whose name ends in .svg.`);
};
