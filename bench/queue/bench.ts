/**
 * Queue throughput: messages through a queue to a function that does nothing, beside the bare invocations of that
 * function with the very same events.
 *
 * Both in one process with one pool, in turns, the same number of batches at once; the function's environments have
 * processes of their own. The queue is filled before a turn begins: what is timed is receiving, invoking and deleting.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { strToU8, zipSync } from "fflate";
import type { ResourceNode } from "../../local/engine/graph.ts";
import { systemClock } from "../../local/kit/clock.ts";
import { Trace } from "../../local/kit/trace.ts";
import { Callers } from "../../local/lambda/iam.ts";
import { LambdaPool } from "../../local/lambda/pool.ts";
import { ObjectsAndMessages } from "../../local/services/s3-sqs-sns.ts";
import { toEvent } from "../../local/sources/queue/event.ts";
import { source } from "../../local/sources/queue.ts";
import type { SourceContext } from "../../local/sources/source.ts";
import { type Bench, type BenchReport, type Figure, type Harness, median } from "../shared/harness.ts";

const PLACE = { region: "us-east-1", account: "000000000000" };
const QUEUE_ARN = `arn:aws:sqs:${PLACE.region}:${PLACE.account}:jobs`;
const FUNCTION_ARN = `arn:aws:lambda:${PLACE.region}:${PLACE.account}:function:noop`;
const NOTHING = "exports.handler = async () => {};";
const BODY = JSON.stringify({ kind: "job", hour: "2026-01-01T00", bucket: 7 });
const BATCHES = 100;
const AT_ONCE = 2;
const ROUNDS = 20;
const WARM_UP = 5;

interface Parts {
  pool: LambdaPool;
  service: ObjectsAndMessages;
  context: SourceContext;
  trace: Trace;
}

async function createPool(directory: string, trace: Trace): Promise<LambdaPool> {
  const zipPath = join(directory, "noop.zip");
  await writeFile(zipPath, zipSync({ "index.js": strToU8(NOTHING) }));
  const pool = await LambdaPool.start({ trace });
  await pool.create({
    name: "noop",
    arn: FUNCTION_ARN,
    version: "$LATEST",
    handler: "index.handler",
    zipPath,
    environment: {},
    memorySize: 256,
    timeoutMs: 5_000,
    logGroup: "/aws/lambda/noop",
    region: PLACE.region,
    endpointUrl: "http://127.0.0.1:4566",
    accessKeyId: "AKIANOOP",
    secretAccessKey: "secret",
  });
  return pool;
}

async function withParts<Result>(use: (parts: Parts) => Promise<Result>): Promise<Result> {
  const directory = await mkdtemp(join(tmpdir(), "bench-queue-"));
  const trace = new Trace();
  const service = await ObjectsAndMessages.start({ ...PLACE, clock: systemClock });
  const pool = await createPool(directory, trace);
  try {
    await service.queues.define("jobs", { VisibilityTimeout: "60" });
    const context = {
      pool,
      callers: new Callers(),
      services: { queues: service.queues },
      clock: systemClock,
      trace,
      log: console.error,
    } as unknown as SourceContext;
    return await use({ pool, service, context, trace });
  } finally {
    await pool.stop();
    await service.close();
    await rm(directory, { recursive: true, force: true });
  }
}

const mapping = (batchSize: number): ResourceNode => ({
  urn: "urn:mapping",
  type: "aws:lambda/eventSourceMapping:EventSourceMapping",
  name: "jobs-noop",
  custom: true,
  remote: false,
  parent: "",
  id: "mapping",
  inputs: {
    eventSourceArn: QUEUE_ARN,
    functionName: FUNCTION_ARN,
    batchSize,
    scalingConfig: { maximumConcurrency: AT_ONCE },
    functionResponseTypes: ["ReportBatchItemFailures"],
  },
  outputs: {},
  dependencies: [],
  propertyDependencies: {},
  protect: false,
  deleteBeforeReplace: false,
  ignoreChanges: [],
  aliases: [],
});

/** Milliseconds until every message has gone through the function. */
async function throughQueue({ service, context, trace }: Parts, batchSize: number): Promise<number> {
  const messages = BATCHES * batchSize;
  for (let sent = 0; sent < messages; sent += 1) await service.queues.send("jobs", { body: BODY });
  let left = messages;
  const { promise, resolve } = Promise.withResolvers<void>();
  const off = trace.on(({ kind, outcome, size }) => {
    if (kind !== "batch" || outcome !== "ok") return;
    left -= Number(size);
    if (left === 0) resolve();
  });
  const started = performance.now();
  const running = await source.start(mapping(batchSize), context);
  await promise;
  const took = performance.now() - started;
  off();
  await running?.stop();
  return took;
}

/** The same events without a queue. */
async function bare({ service, pool }: Parts, batchSize: number): Promise<number> {
  for (let sent = 0; sent < batchSize; sent += 1) await service.queues.send("jobs", { body: BODY });
  const batch = service.queues.receive("jobs", batchSize);
  const payload = JSON.stringify(toEvent(batch, { queueArn: QUEUE_ARN, senderId: PLACE.account }));
  for (const { receiptHandle } of batch) service.queues.delete("jobs", receiptHandle);
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < BATCHES) {
      next += 1;
      const { status } = await pool.invoke("noop", payload);
      if (status !== "ok") throw new Error(`The function that does nothing failed: ${status}.`);
    }
  };
  const started = performance.now();
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return performance.now() - started;
}

async function measure(parts: Parts, batchSize: number): Promise<Figure[]> {
  const times: { queue: number[]; bare: number[] } = { queue: [], bare: [] };
  for (let round = -WARM_UP; round < ROUNDS; round += 1) {
    const queue = await throughQueue(parts, batchSize);
    const floor = await bare(parts, batchSize);
    if (round < 0) continue;
    times.queue.push(queue);
    times.bare.push(floor);
  }
  const messages = BATCHES * batchSize;
  const perSecond = (of: number[]): number => (messages / median(of)) * 1_000;
  const ratios = times.bare.map((floor, round) => floor / (times.queue[round] ?? Number.NaN));
  const name = `batches of ${batchSize}`;
  return [
    { name: `${name}: through the queue`, value: perSecond(times.queue), unit: "messages/s" },
    { name: `${name}: bare invocations`, value: perSecond(times.bare), unit: "messages/s" },
    { name: `${name}: of the bare invocations' throughput`, value: median(ratios), unit: "x" },
  ];
}

function run(harness: Harness): Promise<BenchReport> {
  return withParts(async (parts) => {
    const figures: Figure[] = [];
    for (const batchSize of [1, 10]) {
      harness.progress(`  batches of ${batchSize}`);
      figures.push(...(await measure(parts, batchSize)));
    }
    return { figures };
  });
}

export const bench: Bench = { name: "queue", run };
