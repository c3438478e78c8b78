/**
 * What no graph tells: how often code uses what it may use, how many bytes that moves, and what stays. Here is what
 * holds for any program; workload-program.ts has what is known of the functions of this one. Pure.
 */
import type { Load } from "./load.ts";

/** A function at work. Rates are per second. */
export interface Run {
  invocations: number;
  events: number;
  /** Shards that its records are spread over by their partition key; 1 where nothing is. */
  shards: number;
  load: Load;
  /** The invocations of another function, by its name; 0 where there is none. */
  invocationsOf(name: string): number;
}

export interface Amount {
  perSecond: number;
  /** Of one request. */
  bytes: number;
}

export interface Assumption {
  why: string;
  /** Requests by `<resource> <kind>`. */
  uses?: Record<string, (run: Run) => Amount>;
  /** Milliseconds that an invocation takes under this load beyond what was measured under little. */
  workMs?: (run: Run) => number;
  /** Milliseconds of an invocation that nobody has measured. */
  unmeasuredMs?: number;
}

export const SECONDS_PER_DAY = 86_400;
/** 730 hours, as AWS's calculator counts a month. */
export const SECONDS_PER_MONTH = 730 * 3_600;

export const DYNAMODB_MS = 5;
export const S3_MS = 30;

/** For what workload-program.ts says nothing of. */
export const DEFAULTS = {
  /** A put, get or command for each event; a listing for each invocation. */
  perEvent: 1,
  /** Bytes of one, by service. */
  bytes: {
    dynamodb: 400,
    s3: 50_000,
    sqs: 1_000,
    sns: 1_000,
    events: 1_000,
    kinesis: 300,
    elasticache: 1_000,
  } as Record<string, number>,
  /** How long a function waits for one request, in milliseconds, added to what is measured on one machine. */
  latencyMs: {
    dynamodb: DYNAMODB_MS,
    s3: S3_MS,
    sqs: 10,
    sns: 15,
    events: 20,
    kinesis: 15,
    elasticache: 1,
  } as Record<string, number>,
  /** Of a function that nobody has measured. */
  unmeasuredMs: 50,
  unmeasuredInitMs: 400,
  /** Part of the invocations that start an environment; their init is billed since August 2025: https://aws.amazon.com/blogs/compute/aws-lambda-standardizes-billing-for-init-phase/ */
  coldShare: 0.01,
  /** Log of one invocation: Lambda's own JSON lines (start, report), the function's metrics and what it says. */
  logBytesPerInvocation: 1_000,
  /** Metrics that a function's log lines make, counted while it runs. */
  metricsPerFunction: 4,
  /** Of what an API answers. */
  responseBytes: 2_000,
  /** Messages that alarms send in a month. */
  alarmMessagesPerMonth: 100,
} as const;

/** Part of a bus's events that fits a rule; 1 where nothing is said. */
export const RULE_SHARES: Record<string, { share: number; why: string }> = {
  "orders-order-placed-rule": {
    share: 0.5,
    why: "an order makes two events, OrderPlaced and OrderFulfilled",
  },
};

/** Requests a second of the routes that do not share `apiReadsPerSecond`. */
export const ROUTES: Record<string, { perSecond: (load: Load) => number; why: string }> = {
  "POST /images": { perSecond: ({ imagesPerDay }) => imagesPerDay / SECONDS_PER_DAY, why: "once per image" },
  "GET /images/{imageId}": {
    perSecond: ({ imagesPerDay }) => (2 * imagesPerDay) / SECONDS_PER_DAY,
    why: "asked for twice: pending, then ready",
  },
  "POST /orders": { perSecond: ({ ordersPerDay }) => ordersPerDay / SECONDS_PER_DAY, why: "once per order" },
  "GET /orders/{orderId}": {
    perSecond: ({ ordersPerDay }) => (2 * ordersPerDay) / SECONDS_PER_DAY,
    why: "asked for twice",
  },
  "GET /health": { perSecond: ({ devices }) => Math.min(devices, 1) / 60, why: "a monitor, once a minute" },
  "GET /openapi.json": { perSecond: () => 0, why: "read by people" },
};
