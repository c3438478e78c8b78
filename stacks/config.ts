import * as pulumi from "@pulumi/pulumi";

/**
 * The settings of one environment (`Pulumi.<stack>.yaml`): typed, bounded, and refused as a whole when a key is
 * unknown or a value is not allowed, naming the key, the value and what is.
 */
export interface Settings {
  /** Shards of the telemetry stream, 1-500; `undefined` for on-demand. */
  streamShards: number | undefined;
  /** Hours that the stream keeps records, 24-8,760. */
  streamRetentionHours: number;
  /** Seconds to gather readings for one object of the lake, 0-300. */
  archiveWindowSeconds: number;
  /**
   * Seconds to gather readings for one update of the aggregates, 0-300. Every device and metric of a batch costs four
   * writes: a window in which each sends several times makes them fewer by that many, and the aggregates that late.
   */
  aggregateWindowSeconds: number;
  /** Oldest reading accepted, days, 1-31: minutes are kept that long. */
  readingMaxAgeDays: number;
  /** Deletion protection, and no forced deletion of buckets with content. */
  protectData: boolean;
  /** Point-in-time recovery of tables. */
  pointInTimeRecovery: boolean;
  /** Days that log lines are kept; one of the periods CloudWatch knows. */
  logRetentionDays: number;
  /** Days that files in the logs bucket are kept, 1-3,650. */
  logFileDays: number;
  /** Days that the events of orders are kept for a replay, 0-3,650; 0 keeps none. */
  orderArchiveDays: number;
  /** Orders' messages in work at once, 2-1,000: a flood of orders leaves the account room for everything else. */
  orderConcurrency: number;
  /** Dropped log files in work at once, 2-1,000. */
  logFileConcurrency: number;
  /** Days that uploaded images are kept as they came, 1-365; their thumbnails stay. */
  uploadDays: number;
  /** Images in work at once, 2-1,000. */
  imageConcurrency: number;
  /** Compactions, and as many reports, in work at once, 2-1,000: a backfill queues thousands. */
  compactionConcurrency: number;
  /**
   * Concurrent executions reserved for the API's log lines, which come in bursts and wait for nobody, 0-900; 0 takes
   * the account's pool. A new account may have too few to reserve any.
   */
  logReservation: number;
  /** Device buckets that an hour of the lake is compacted in, each by a job of its own, 1-256. */
  compactionBuckets: number;
  /** Seconds that a day's report waits for further changes of its files, 0-900. */
  reportDelaySeconds: number;
  /** Gigabytes that one Athena query may scan, 1-10,000: a mistake costs no more. */
  athenaScanLimitGb: number;
  /** Gigabytes of the cache in front of the telemetry reads, 0-5,000; 0 has neither cache nor network. */
  cacheGb: number;
  /** Processing units a second that the cache takes, 1,000-15,000,000; about one per small command. */
  cacheUnitsPerSecond: number;
  /** Environments kept warm for each of the API's telemetry reads, at least, 0-1,000; 0 keeps none. */
  warmReadsMin: number;
  /** The same at most, 1-1,000: they follow the load between the two. */
  warmReadsMax: number;
  /** Percent of the traffic that a release's functions get first, 0-99; 0 gives them all of it with `up`. */
  canaryPercent: number;
  /**
   * Minutes that a release is watched before it gets the rest, 1-2,880. Above 80 raise the time limit of the workflow's
   * job and its role's session first: CodeDeploy would go on, and nobody would wait for it.
   */
  canaryMinutes: number;
  /** Requests a second that the API takes in a steady state, 1-10,000. */
  apiRateLimit: number;
  /** Requests that the API takes at once, 1-5,000. */
  apiBurstLimit: number;
  /** Origins of web pages that may call the API, exact: `https://app.example.com`. */
  corsOrigins: string[];
  /** Issuer of the callers' tokens, instead of the stack's own; with `jwtAudience`. */
  jwtIssuer: string | undefined;
  /** Audience that the issuer's tokens carry. */
  jwtAudience: string | undefined;
  /** Alarms: `none`; `essential`, on what loses or holds up work; `all`, early warnings too. 0.10 $ a month each. */
  alarms: "none" | "essential" | "all";
  /** Who gets a mail when an alarm is raised or the budget is at its end; confirmed once, by a link. */
  alarmEmail: string | undefined;
  /** Dollars that the stack may cost in a month before it says so, 0-1,000,000; 0 has no budget. */
  monthlyBudgetDollars: number;
  /** The AWS region (`aws:region`). */
  region: string;
  /** Key that signs the API's cursors, 16 characters or more; needed with `jwtIssuer`, else derived. A secret. */
  cursorKey: pulumi.Output<string> | undefined;
}

/** What the stack's own keys give. */
type Parsed = Omit<Settings, "cursorKey" | "region">;

/** What the functions that sign cursors ask for (functions/shared/cursor.ts). */
const SHORTEST_CURSOR_KEY = 16;

type Reader<T> = (text: string) => T;

/** What is wrong with a value, to be completed with the key. */
class Refusal extends Error {}

/** Everything that a stack's file may say. */
const READERS: {
  [K in keyof Parsed]: { fallback: Settings[K]; read: Reader<Settings[K]> };
} = {
  streamShards: { fallback: undefined, read: wholeNumber(1, 500) },
  streamRetentionHours: { fallback: 24, read: wholeNumber(24, 8_760) },
  archiveWindowSeconds: { fallback: 5, read: wholeNumber(0, 300) },
  aggregateWindowSeconds: { fallback: 0, read: wholeNumber(0, 300) },
  readingMaxAgeDays: { fallback: 31, read: wholeNumber(1, 31) },
  protectData: { fallback: false, read: boolean },
  pointInTimeRecovery: { fallback: false, read: boolean },
  logRetentionDays: {
    fallback: 14,
    read: oneOf([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731]),
  },
  logFileDays: { fallback: 30, read: wholeNumber(1, 3_650) },
  orderArchiveDays: { fallback: 7, read: wholeNumber(0, 3_650) },
  orderConcurrency: { fallback: 10, read: wholeNumber(2, 1_000) },
  logFileConcurrency: { fallback: 5, read: wholeNumber(2, 1_000) },
  uploadDays: { fallback: 7, read: wholeNumber(1, 365) },
  imageConcurrency: { fallback: 10, read: wholeNumber(2, 1_000) },
  compactionConcurrency: { fallback: 10, read: wholeNumber(2, 1_000) },
  logReservation: { fallback: 0, read: wholeNumber(0, 900) },
  compactionBuckets: { fallback: 1, read: wholeNumber(1, 256) },
  reportDelaySeconds: { fallback: 0, read: wholeNumber(0, 900) },
  athenaScanLimitGb: { fallback: 10, read: wholeNumber(1, 10_000) },
  cacheGb: { fallback: 0, read: wholeNumber(0, 5_000) },
  cacheUnitsPerSecond: { fallback: 1_000, read: wholeNumber(1_000, 15_000_000) },
  warmReadsMin: { fallback: 0, read: wholeNumber(0, 1_000) },
  warmReadsMax: { fallback: 1, read: wholeNumber(1, 1_000) },
  canaryPercent: { fallback: 0, read: wholeNumber(0, 99) },
  canaryMinutes: { fallback: 10, read: wholeNumber(1, 2_880) },
  apiRateLimit: { fallback: 100, read: wholeNumber(1, 10_000) },
  apiBurstLimit: { fallback: 200, read: wholeNumber(1, 5_000) },
  corsOrigins: { fallback: [], read: listOf(origin) },
  jwtIssuer: { fallback: undefined, read: httpsUrl },
  jwtAudience: { fallback: undefined, read: nonEmpty },
  alarms: { fallback: "essential", read: oneOf(["none", "essential", "all"]) },
  alarmEmail: { fallback: undefined, read: mailAddress },
  monthlyBudgetDollars: { fallback: 0, read: wholeNumber(0, 1_000_000) },
};

/**
 * Reads the settings from a stack's configuration, without the project's prefix in the keys.
 * @throws {Error} listing every problem at once, each with its key, its value and what is allowed.
 */
export function parseSettings(project: string, values: Record<string, string>): Parsed {
  const known = [...Object.keys(READERS), "cursorKey"].sort();
  const problems = Object.keys(values)
    .filter((key) => !known.includes(key))
    .map((key) => `"${project}:${key}" is not a setting. Known: ${known.join(", ")}.`);
  const settings = Object.entries(READERS).map(([key, { fallback, read }]) => {
    const text = Object.hasOwn(values, key) ? values[key] : undefined;
    if (text === undefined) return [key, fallback];
    try {
      return [key, read(text)];
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      problems.push(`"${project}:${key}" is ${JSON.stringify(text)}; it must be ${error.message}.`);
      return [key, fallback];
    }
  });
  if (Object.hasOwn(values, "jwtIssuer") !== Object.hasOwn(values, "jwtAudience")) {
    problems.push(`"${project}:jwtIssuer" and "${project}:jwtAudience" go together; set both or neither.`);
  }
  const { warmReadsMin = 0, warmReadsMax = 0 } = Object.fromEntries(settings) as Parsed;
  if (warmReadsMin > warmReadsMax) {
    problems.push(
      `"${project}:warmReadsMin" is ${warmReadsMin}, above "${project}:warmReadsMax" ${warmReadsMax}. Raise that, or lower this.`,
    );
  }
  if (Object.hasOwn(values, "jwtIssuer") && !Object.hasOwn(values, "cursorKey")) {
    problems.push(
      `"${project}:cursorKey" is needed with jwtIssuer. Set it: pulumi config set --secret cursorKey "$(openssl rand -base64 32)".`,
    );
  }
  // A secret's value is in no message.
  if (Object.hasOwn(values, "cursorKey") && (values.cursorKey ?? "").length < SHORTEST_CURSOR_KEY) {
    problems.push(
      `"${project}:cursorKey" is too short; it must have ${SHORTEST_CURSOR_KEY} characters or more.`,
    );
  }
  if (
    values.alarms === "none" &&
    !Object.hasOwn(values, "alarmEmail") &&
    Number(values.monthlyBudgetDollars) > 0
  ) {
    problems.push(
      `"${project}:monthlyBudgetDollars" would tell nobody; set alarmEmail, or alarms other than none.`,
    );
  }
  if (problems.length > 0) throw new Error(`Stack configuration: ${problems.join(" ")}`);
  return Object.fromEntries(settings) as Parsed;
}

/** The settings of the stack that is being deployed. */
export function readSettings(): Settings {
  const project = pulumi.getProject();
  const prefix = `${project}:`;
  const values = Object.entries(pulumi.runtime.allConfig())
    .filter(([key]) => key.startsWith(prefix))
    .map(([key, value]) => [key.slice(prefix.length), value] as const);
  const cursorKey = new pulumi.Config().getSecret("cursorKey");
  const region = new pulumi.Config("aws").require("region");
  return { ...parseSettings(project, Object.fromEntries(values)), cursorKey, region };
}

function wholeNumber(minimum: number, maximum: number): Reader<number> {
  return (text) => {
    const value = /^-?\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= minimum && value <= maximum) return value;
    throw new Refusal(`a whole number from ${minimum} to ${maximum}`);
  };
}

function oneOf<T extends number | string>(values: T[]): Reader<T> {
  return (text) => {
    const found = values.find((value) => String(value) === text);
    if (found !== undefined) return found;
    throw new Refusal(`one of ${values.join(", ")}`);
  };
}

function boolean(text: string): boolean {
  if (text === "true" || text === "false") return text === "true";
  throw new Refusal("true or false");
}

/** A list in YAML reaches the program as JSON; a single value is taken as a list of one. */
function listOf<T>(read: Reader<T>): Reader<T[]> {
  return (text) => {
    const items = parseList(text);
    if (items.length > 50) throw new Refusal("a list of at most 50 entries");
    return items.map((item) => {
      if (typeof item !== "string") throw new Refusal("a list of strings");
      return read(item);
    });
  };
}

function parseList(text: string): unknown[] {
  if (!text.startsWith("[")) return [text];
  try {
    return JSON.parse(text);
  } catch {
    throw new Refusal("a list of strings");
  }
}

function nonEmpty(text: string): string {
  if (text.trim() !== "" && text.length <= 256) return text;
  throw new Refusal("text of 1 to 256 characters");
}

function mailAddress(text: string): string {
  if (/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(text) && text.length <= 254) return text;
  throw new Refusal("one e-mail address");
}

function httpsUrl(text: string): string {
  if (URL.canParse(text) && new URL(text).protocol === "https:") return text;
  throw new Refusal("an https:// URL");
}

function origin(text: string): string {
  if (URL.canParse(text) && new URL(text).origin === text) return text;
  throw new Refusal("a list of exact origins like https://app.example.com, without a path and without *");
}
