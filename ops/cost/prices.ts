/**
 * Prices: one file per region, each entry with the page it is from. Amounts are US dollars per `per` units, in tiers
 * counted over a month and the whole account. Pure, but for reading the file.
 */
import { readFile } from "node:fs/promises";
import { type Static, Type } from "typebox";
import { Compile } from "typebox/compile";

/** Every price that the model calculates with. */
export const PRICE_NAMES = [
  "lambda.requests",
  "lambda.durationArm",
  "lambda.durationX86",
  "lambda.ephemeral",
  "lambda.provisionedArm",
  "lambda.provisionedX86",
  "lambda.provisionedDurationArm",
  "lambda.provisionedDurationX86",
  "kinesis.streamHours",
  "kinesis.dataIn",
  "kinesis.dataOut",
  "kinesis.extendedRetention",
  "kinesis.shardHours",
  "kinesis.putUnits",
  "kinesis.extendedShardHours",
  "kinesis.fanOutShardHours",
  "kinesis.fanOutData",
  "dynamodb.writes",
  "dynamodb.reads",
  "dynamodb.storage",
  "dynamodb.pointInTime",
  "dynamodb.writeUnitHours",
  "dynamodb.readUnitHours",
  "s3.puts",
  "s3.gets",
  "s3.storage",
  "sqs.standard",
  "sqs.fifo",
  "sns.publishes",
  "sns.emails",
  "sns.http",
  "events.custom",
  "events.archived",
  "events.archiveStorage",
  "scheduler.invocations",
  "apigateway.http",
  "logs.ingested",
  "logs.vended",
  "logs.stored",
  "cloudwatch.metrics",
  "cloudwatch.alarms",
  "cloudwatch.fastAlarms",
  "cloudwatch.compositeAlarms",
  "cloudwatch.dashboards",
  "xray.traces",
  "iot.minutes",
  "iot.messages",
  "iot.rules",
  "iot.actions",
  "cognito.clients",
  "cognito.tokens",
  "athena.scanned",
  "glue.objects",
  "kms.keys",
  "kms.requests",
  "elasticache.valkeyStorage",
  "elasticache.valkeyUnits",
  "elasticache.redisStorage",
  "elasticache.redisUnits",
  "vpc.endpointHours",
  "vpc.natHours",
  "vpc.publicAddressHours",
  "secretsmanager.secrets",
  "transfer.out",
  "transfer.betweenZones",
  "ec2.t4gMediumHours",
  "ec2.m7gVcpuHours",
  "ebs.gp3",
  "ebs.snapshots",
  "alb.hours",
  "alb.units",
  "fargate.vcpuHours",
  "fargate.gbHours",
] as const;

export type PriceName = (typeof PRICE_NAMES)[number];

const Tier = Type.Object(
  {
    /** Units of the month up to which it holds; the last tier has none. */
    upTo: Type.Optional(Type.Number({ exclusiveMinimum: 0 })),
    usd: Type.Number({ minimum: 0 }),
  },
  { additionalProperties: false },
);

const Entry = Type.Object(
  {
    unit: Type.String({ minLength: 1 }),
    /** Units that a price is for. */
    per: Type.Number({ exclusiveMinimum: 0 }),
    tiers: Type.Array(Tier, { minItems: 1 }),
    /** Units of a month that are free for good, not for the first year only. */
    free: Type.Optional(Type.Number({ minimum: 0 })),
    note: Type.Optional(Type.String()),
    page: Type.String({ pattern: "^https://" }),
  },
  { additionalProperties: false },
);

export type Price = Static<typeof Entry>;

export interface Prices {
  region: string;
  /** Of the day they were taken. */
  date: string;
  entries: Record<PriceName, Price>;
}

const Head = Type.Object({
  region: Type.String({ minLength: 1 }),
  date: Type.String({ pattern: "^\\d{4}-\\d{2}-\\d{2}$" }),
  entries: Type.Record(Type.String(), Type.Unknown()),
});

const head = Compile(Head);
const entry = Compile(Entry);

/** The file that is used where no other is given. */
export const DEFAULT_PRICES = new URL("prices.us-east-1.json", import.meta.url);

/** Tiers must rise, and the last must have no end: otherwise some amount has no price. */
const tierProblem = ({ tiers }: Price): string | undefined => {
  const ends = tiers.slice(0, -1).map(({ upTo }) => upTo ?? Number.NaN);
  const rise = ends.every((end, index) => end > (ends[index - 1] ?? 0));
  if (rise && tiers.at(-1)?.upTo === undefined) return undefined;
  return "its tiers must rise by upTo, and the last must have none";
};

const where = (error: { instancePath: string; message: string } | undefined): string =>
  `${error?.instancePath.slice(1).replaceAll("/", ".")} ${error?.message}`.trim();

const entryProblem = (name: string, value: unknown): string | undefined => {
  if (value === undefined) return `entry "${name}" is missing`;
  if (!entry.Check(value)) return `entry "${name}" is wrong: ${where([...entry.Errors(value)][0])}`;
  const problem = tierProblem(value);
  return problem && `entry "${name}" is wrong: ${problem}`;
};

const problemOf = (value: Static<typeof Head>): string | undefined => {
  const known: readonly string[] = PRICE_NAMES;
  const unknown = Object.keys(value.entries).find((name) => !known.includes(name));
  if (unknown !== undefined) return `entry "${unknown}" is unknown`;
  return PRICE_NAMES.map((name) => entryProblem(name, value.entries[name])).find(Boolean);
};

/** @throws {Error} in one sentence, naming the entry */
export const parsePrices = (text: string, file: string): Prices => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error(`The price file ${file} is not JSON.`);
  }
  if (!head.Check(value))
    throw new Error(`The price file ${file} cannot be: ${where([...head.Errors(value)][0])}.`);
  const problem = problemOf(value);
  if (problem) throw new Error(`The price file ${file} cannot be: ${problem}.`);
  return value as Prices;
};

/** @throws {Error} when the file cannot be read, or is wrong */
export const readPrices = async (file: string | URL = DEFAULT_PRICES): Promise<Prices> => {
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new Error(`The price file ${file} cannot be read: ${error.code}.`);
  });
  return parsePrices(text, String(file));
};

/** Dollars of an amount in a month. Never falls when the amount rises. */
export const dollarsOf = ({ tiers, per, free = 0 }: Price, quantity: number, freeTier = false): number => {
  const billed = Math.max(0, freeTier ? quantity - free : quantity);
  let [from, dollars] = [0, 0];
  for (const { upTo = Number.POSITIVE_INFINITY, usd } of tiers) {
    dollars += (Math.max(0, Math.min(billed, upTo) - from) / per) * usd;
    from = upTo;
  }
  return dollars;
};
