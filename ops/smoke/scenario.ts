import { KinesisClient } from "@aws-sdk/client-kinesis";
import { S3Client } from "@aws-sdk/client-s3";
import type { Reading } from "../../functions/shared/reading.ts";
import { send, type Totals } from "../send/sender.ts";
import { type Outgoing, outgoing } from "../send/sources.ts";
import { type Normals, replay } from "../shared/normals.ts";
import type { Target } from "../shared/target.ts";
import { ApiClient } from "./api.ts";
import { type Check, check, checkRefusals, checkSeries } from "./checks.ts";
import { clientOptions, patiently, type SmokeContext } from "./context.ts";
import { checkEtl, type EtlInput } from "./etl.ts";
import { checkImages } from "./images.ts";
import { distinct, type LakeLine, readLake } from "./lake.ts";
import { checkLogs } from "./logs.ts";
import { type Malformed, malformed } from "./malformed.ts";
import { checkMqtt } from "./mqtt.ts";
import { checkOrders } from "./orders.ts";

export interface ScenarioOptions {
  target: Target;
  normals: Normals;
  /** Epoch milliseconds. */
  now: () => number;
  /** Name of this run's devices; must be new to the stack, or old readings are counted too. */
  mark: string;
  sleep: (milliseconds: number) => Promise<void>;
  random: () => number;
  onStep: (step: string) => void;
  /** How long the pipeline may take to digest everything, milliseconds. */
  patience: number;
}

export interface ScenarioResult {
  /** Begins the names of the run's devices and its correlation ids. */
  mark: string;
  stream: { totals: Totals; readings: Reading[]; malformed: Malformed[] };
  http: { readings: Reading[]; accepted: number; rejected: number };
  /** What the API answers per metric and hour, for the chart. */
  hourlyMeans: Map<string, number[]>;
  lake: LakeLine[];
  quarantine: LakeLine[];
  checks: Check[];
}

const FORTNIGHT_HOURS = 14 * 24;
const HTTP_HOURS = 24;
const METRICS = ["pressure", "temperature", "wind"] as const;

/** What a run sends: the fortnight over the stream with malformed records in between, a day over HTTP. */
interface Plan {
  streamReadings: Reading[];
  bad: Malformed[];
  records: Outgoing[];
  httpReadings: Reading[];
  httpBad: unknown[];
}

/** Sends real readings and broken ones through every entrance, waits until they are digested, and checks all. */
export async function runScenario(options: ScenarioOptions): Promise<ScenarioResult> {
  const { target, mark } = options;
  const since = options.now();
  const plan = makePlan(options);
  const api = new ApiClient(target);
  const s3 = new S3Client(clientOptions(target));
  options.onStep(`sending ${plan.records.length} records to the stream`);
  const totals = await sendRecords(plan.records, options);
  options.onStep(`posting ${plan.httpReadings.length + plan.httpBad.length} readings to the API`);
  const posted = await postReadings(api, plan, `${mark}-post`);
  options.onStep("waiting until every reading is queryable");
  const queryable = await untilQueryable(api, plan, options);
  options.onStep("waiting until every reading is in the lake");
  const lake = await untilInLake(s3, { plan, since, mark, options });
  options.onStep("checking every figure");
  const series = await checkSeries(api, [
    { deviceId: mark, readings: plan.streamReadings },
    { deviceId: `${mark}-http`, readings: plan.httpReadings },
  ]);
  const checks = [
    check("records that the stream took", plan.records.length, totals.sent),
    check("readings that the API accepted", plan.httpReadings.length, posted.accepted),
    check("readings that the API refused, each with a reason", plan.httpBad.length, posted.rejected),
    check("readings counted", plan.streamReadings.length + plan.httpReadings.length, queryable),
    ...series.checks,
    check(
      "readings in the lake, once each",
      plan.streamReadings.length + plan.httpReadings.length,
      lake.valid.length,
    ),
    ...quarantineChecks(plan.bad, lake.quarantine),
    ...(await checkRefusals(api, mark)),
    ...(await checkSystems(smokeContext(options, api), {
      readings: [...plan.streamReadings, ...plan.httpReadings],
      since,
    })),
  ];
  return {
    mark,
    stream: { totals, readings: plan.streamReadings, malformed: plan.bad },
    http: { readings: plan.httpReadings, ...posted },
    hourlyMeans: series.hourlyMeans,
    lake: lake.valid,
    quarantine: lake.quarantine,
    checks,
  };
}

function smokeContext({ target, mark, onStep, ...patience }: ScenarioOptions, api: ApiClient): SmokeContext {
  return {
    target,
    api,
    clientOptions: clientOptions(target),
    mark,
    now: patience.now,
    step: onStep,
    until: patiently(patience),
  };
}

/** What stands beside the telemetry, one system after the other, so that a slow one is seen as such. */
async function checkSystems(context: SmokeContext, telemetry: EtlInput): Promise<Check[]> {
  const checks = await checkEtl(context, telemetry);
  for (const system of [checkMqtt, checkOrders, checkImages, checkLogs])
    checks.push(...(await system(context)));
  return checks;
}

function makePlan({ normals, now, mark }: ScenarioOptions): Plan {
  const until = now();
  const streamReadings = [...replay(normals, { deviceId: mark, until, hours: FORTNIGHT_HOURS })];
  const httpReadings = [...replay(normals, { deviceId: `${mark}-http`, until, hours: HTTP_HOURS })];
  const bad = malformed(mark, until);
  const records = streamReadings.map(outgoing);
  const gap = Math.floor(records.length / (bad.length + 1));
  for (const [index, { text }] of bad.entries()) {
    records.splice((index + 1) * gap + index, 0, { partitionKey: mark, text });
  }
  const httpBad = [
    { deviceId: mark, metric: "temperature", value: "warm", at: new Date(until).toISOString() },
    { deviceId: "no spaces, please", metric: "temperature", value: 1, at: new Date(until).toISOString() },
  ];
  return { streamReadings, bad, records, httpReadings, httpBad };
}

async function sendRecords(records: Outgoing[], { target, sleep, random }: ScenarioOptions): Promise<Totals> {
  const client = new KinesisClient(clientOptions(target));
  try {
    return await send(records, { client, streamName: target.outputs.streamName, sleep, random });
  } finally {
    client.destroy();
  }
}

async function postReadings(
  api: ApiClient,
  { httpReadings, httpBad }: Plan,
  correlationId: string,
): Promise<{ accepted: number; rejected: number }> {
  const [first, ...rest] = httpReadings;
  const body = [first, ...httpBad, ...rest];
  const headers = { "x-correlation-id": correlationId };
  const answer = await api.post("/telemetry", body, await api.token("telemetry.write"), headers);
  const { results = [] } = (answer.body ?? {}) as { results?: { status: string; reason?: string }[] };
  return {
    accepted: results.filter(({ status }) => status === "accepted").length,
    rejected: results.filter(({ status, reason }) => status === "rejected" && reason).length,
  };
}

async function untilQueryable(api: ApiClient, plan: Plan, options: ScenarioOptions): Promise<number> {
  const devices = [
    { deviceId: options.mark, readings: plan.streamReadings },
    { deviceId: `${options.mark}-http`, readings: plan.httpReadings },
  ];
  const wanted = plan.streamReadings.length + plan.httpReadings.length;
  const count = async (): Promise<number> => {
    const counts = await Promise.all(
      devices.flatMap(({ deviceId, readings }) =>
        METRICS.map((metric) => countOf(api, { deviceId, metric, readings })),
      ),
    );
    return counts.reduce((sum, value) => sum + value, 0);
  };
  return patiently(options)(count, (counted) => counted >= wanted);
}

async function countOf(
  api: ApiClient,
  { deviceId, metric, readings }: { deviceId: string; metric: string; readings: Reading[] },
): Promise<number> {
  const from = `${readings[0]?.at.slice(0, 10)}T00:00:00Z`;
  const query = new URLSearchParams({ metric, from, resolution: "day" });
  const answer = await api.get(`/devices/${deviceId}/readings?${query}`, await api.token("telemetry.read"));
  if (answer.status !== 200) return 0;
  const { points } = answer.body as { points: { count: number }[] };
  return points.reduce((sum, point) => sum + point.count, 0);
}

interface LakeSearch {
  plan: Plan;
  since: number;
  mark: string;
  options: ScenarioOptions;
}

async function untilInLake(
  client: S3Client,
  { plan, since, mark, options }: LakeSearch,
): Promise<{ valid: LakeLine[]; quarantine: LakeLine[] }> {
  const bucket = options.target.outputs.lakeBucketName;
  const wanted = plan.streamReadings.length + plan.httpReadings.length;
  const read = async (): Promise<{ valid: LakeLine[]; quarantine: LakeLine[] }> => {
    const range = { bucket, since, until: options.now() };
    const [valid, quarantine] = await Promise.all([
      readLake(client, { ...range, prefix: "raw" }),
      readLake(client, { ...range, prefix: "quarantine" }),
    ]);
    return {
      valid: distinct(valid.filter(({ deviceId }) => deviceId === mark || deviceId === `${mark}-http`)),
      quarantine: distinct(quarantine.filter(({ data }) => textOf(data).includes(mark))),
    };
  };
  const complete = (found: { valid: LakeLine[]; quarantine: LakeLine[] }): boolean =>
    found.valid.length >= wanted && found.quarantine.length >= plan.bad.length;
  return patiently(options)(read, complete);
}

const textOf = (data: string | undefined): string => Buffer.from(data ?? "", "base64").toString("utf8");

/** Every malformed record is there with its own bytes and a reason. */
function quarantineChecks(bad: Malformed[], found: LakeLine[]): Check[] {
  const kept = bad.filter(({ text }) => found.some(({ data, reason }) => textOf(data) === text && reason));
  return [
    check("malformed records in quarantine", bad.length, found.length),
    check("of them with reason and original bytes", bad.length, kept.length),
  ];
}
