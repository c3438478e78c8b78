/**
 * Route: `POST /telemetry`. Takes a reading or up to 500 of them into the telemetry stream, keyed by device so that
 * one device's readings share a shard. A reading that is sent again may come after later ones of its request.
 *
 * Answers 202 with a result for each reading, also when every one is rejected; 503 when there were valid ones and the
 * stream took none. Failure contract: an entry that the stream throttles is sent again a few times, and what is left
 * is answered as `throttled`; so is what was left when a later call failed. Idempotency: none; readings sent twice are two readings (reports drop repeats by eventId).
 *
 * Source: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html
 */
import { setTimeout } from "node:timers/promises";
import { KinesisClient, PutRecordsCommand } from "@aws-sdk/client-kinesis";
import { ROUTE_HTTP2_CLIENT_OPTIONS } from "../shared/clients.ts";
import { badRequest, type RouteRequest, type RouteResponse } from "../shared/http.ts";
import { createLogger, type Logger, requestLogger } from "../shared/logger.ts";
import { limitsFor } from "../shared/reading.ts";
import { backoff, judgeReadings, readingsIn, type Taken, toResult } from "./core.ts";

const SERVICE = "accept-telemetry";
const MAX_ATTEMPTS = 4;

const kinesis = new KinesisClient(ROUTE_HTTP2_CLIENT_OPTIONS);
const log = createLogger({ service: SERVICE });

export interface AcceptTelemetryDeps {
  /** Name of the telemetry stream. */
  stream: string;
  /** How old a reading may be, in days, at most 31. @default 31 */
  maxAgeDays?: number;
  /** Replaced in tests. */
  client?: KinesisClient;
  logger?: Logger;
  now?: () => number;
  random?: () => number;
  sleep?: (ms: number) => Promise<unknown>;
}

type Sender = Required<Pick<AcceptTelemetryDeps, "stream" | "client" | "random" | "sleep" | "logger">>;

function toCommand(stream: string, taken: Taken[]): PutRecordsCommand {
  return new PutRecordsCommand({
    StreamName: stream,
    Records: taken.map(({ reading }) => ({
      PartitionKey: reading.deviceId,
      Data: Buffer.from(JSON.stringify(reading)),
    })),
  });
}

/** Sends once; those that the stream did not take. */
async function sendOnce({ client, stream }: Sender, taken: Taken[]): Promise<Taken[]> {
  const { Records = [] } = await client.send(toCommand(stream, taken));
  return taken.filter((_, index) => Records[index]?.ErrorCode !== undefined);
}

function isThrottle(error: unknown): boolean {
  return error instanceof Error && error.name === "ProvisionedThroughputExceededException";
}

interface Sent {
  /** Those that the stream did not take. */
  left: Taken[];
  /** Whether sending them again may help. */
  again: boolean;
}

/** Sends once. It throws only when the failure is no throttle and nothing was taken before. */
async function trySend(sender: Sender, open: Taken[], nothingTaken: boolean): Promise<Sent> {
  try {
    return { left: await sendOnce(sender, open), again: true };
  } catch (error) {
    const again = isThrottle(error);
    if (nothingTaken && !again) throw error;
    sender.logger.error("stream did not take readings", { left: open.length, error });
    return { left: open, again };
  }
}

/** Sends all, those throttled again; those that are left. Of other failures the client has made several attempts. */
async function sendAll(sender: Sender, taken: Taken[]): Promise<Taken[]> {
  let sent: Sent = { left: taken, again: true };
  for (let attempt = 0; attempt < MAX_ATTEMPTS && sent.again && sent.left.length > 0; attempt++) {
    if (attempt > 0) await sender.sleep(backoff(attempt, sender.random()));
    sent = await trySend(sender, sent.left, sent.left.length === taken.length);
  }
  return sent.left;
}

function unavailable(count: number): RouteResponse {
  const detail = `None of the ${count} valid readings could be taken; send them again.`;
  return { status: 503, headers: { "retry-after": "1" }, problem: { title: "The stream is busy", detail } };
}

/** Takes readings into the stream. */
export async function acceptTelemetry(
  request: RouteRequest,
  deps: AcceptTelemetryDeps,
): Promise<RouteResponse> {
  const logger = requestLogger(deps.logger ?? log, request);
  const sender = { client: kinesis, random: Math.random, sleep: setTimeout, ...deps, logger };
  const body = readingsIn(request.body);
  if ("problem" in body) return badRequest([body.problem]);
  const now = (deps.now ?? Date.now)();
  const limits = limitsFor(deps.maxAgeDays);
  const judged = judgeReadings(body.readings, { now, correlationId: request.correlationId, limits });
  const left = await sendAll(sender, judged.taken);
  if (left.length > 0 && left.length === judged.taken.length) return unavailable(left.length);
  const result = toResult(judged, new Set(left.map(({ index }) => index)));
  logger.info("telemetry taken", {
    accepted: result.accepted,
    rejected: result.rejected,
    throttled: result.throttled,
  });
  return { status: 202, body: result };
}
