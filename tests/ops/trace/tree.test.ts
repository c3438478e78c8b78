import { expect } from "chai";
import type { TraceEvent } from "../../../local/kit/trace.ts";
import { eventsAbout } from "../../../local/kit/trace-selection.ts";
import { traceHeading, traceLines, traceTree } from "../../../ops/trace/tree.ts";

const ARN = "arn:aws";
const TABLE = `${ARN}:dynamodb:us-east-1:000000000000:table/orders-table-abcdef0`;
const QUEUE = `${ARN}:sqs:us-east-1:000000000000:orders-queue-abcdef0`;
const STREAM = `${ARN}:kinesis:us-east-1:000000000000:stream/telemetry-stream-abcdef0`;

const line = (at: number, requestId: string, fields: object): TraceEvent => ({
  kind: "log",
  at,
  requestId,
  line: JSON.stringify({ level: "INFO", ...fields }),
});
const ran = (at: number, name: string, durationMs: number, more: object = {}): TraceEvent => ({
  kind: "invocation",
  at,
  functionName: `${name}-function-abcdef0`,
  requestId: `${name}-run`,
  traceId: `${name}-trace`,
  status: "ok",
  coldStart: false,
  durationMs,
  ...more,
});
const called = (
  at: number,
  name: string,
  service: string,
  operation: string,
  resource: string,
): TraceEvent => ({
  kind: "aws",
  at,
  service,
  operation,
  resource,
  status: 200,
  durationMs: 2,
  traceId: `${name}-trace`,
});
const batch = (at: number, name: string, source: string, more: object = {}): TraceEvent => ({
  kind: "batch",
  at,
  source,
  requestId: `${name}-run`,
  ...more,
});
const request = (at: number, name: string, latencyMs: number): TraceEvent => ({
  kind: "request",
  at,
  method: "POST",
  path: `/${name}`,
  status: 201,
  latencyMs,
  traceId: `${name}-trace`,
});

/** order -> table change -> function -> bus -> rule -> queue -> function, with another order's hops in between. */
const ORDER: TraceEvent[] = [
  called(1_018, "place", "dynamodb", "TransactWriteItems", TABLE),
  line(1_019, "place-run", { message: "order placed", correlationId: "o-1" }),
  ran(1_020, "place", 15, { coldStart: true, initDurationMs: 80 }),
  request(1_022, "place", 100),
  called(1_030, "other", "dynamodb", "PutItem", TABLE),
  line(1_031, "other-run", { message: "order placed", correlationId: "o-2" }),
  ran(1_031, "other", 5),
  called(
    1_038,
    "publish",
    "events",
    "PutEvents",
    `${ARN}:events:us-east-1:000000000000:event-bus/orders-abcdef0`,
  ),
  line(1_039, "publish-run", { message: "event published", correlationId: "o-1" }),
  ran(1_040, "publish", 10),
  batch(1_041, "publish", `${TABLE}/stream/2026-01-01T00:00:00.000`),
  {
    kind: "event",
    at: 1_042,
    bus: "orders-abcdef0",
    rule: "on-order-abcdef0",
    targetArn: QUEUE,
    messageId: "m-1",
    outcome: "delivered",
  },
  line(1_055, "fulfil-run", { message: "order fulfilled", correlationId: "o-1" }),
  ran(1_056, "fulfil", 12),
  batch(1_057, "fulfil", QUEUE, { messageIds: ["m-0", "m-1"] }),
];

const show = (events: TraceEvent[], id: string): string[] => {
  const tree = traceTree(eventsAbout(events, id));
  return tree === undefined ? [] : [traceHeading(id, tree), ...traceLines(tree)];
};

/** The lines' first column. */
const labels = (events: TraceEvent[], id: string): string[] =>
  show(events, id)
    .slice(1)
    .map((text) => text.replace(/(\S) {2,}.*$/, "$1"));

describe("a trace", () => {
  it("shows an order's way over table, bus, rule and queue, with what each hop took and waited for", () => {
    expect(show(ORDER, "o-1")).to.deep.equal([
      "Trace of o-1: 4 hops in 134.0 ms",
      "POST /place                           201  100.0 ms",
      "└─ place                              ok    15.0 ms            order placed (cold start 80.0 ms)",
      "   └─ table orders-table",
      "      └─ publish                      ok    10.0 ms  +12.0 ms  event published",
      "         └─ bus orders",
      "            └─ rule on-order",
      "               └─ queue orders-queue",
      "                  └─ fulfil           ok    12.0 ms   +6.0 ms  order fulfilled",
    ]);
  });

  it("shows several readers of one stream beside each other, and a batch by any of the ids that it names", () => {
    const events = [
      called(110, "take", "kinesis", "PutRecords", STREAM),
      line(111, "take-run", { message: "telemetry taken", correlationId: "r-1" }),
      ran(112, "take", 12),
      request(113, "take", 14),
      line(120, "sum-run", { message: "readings stored", correlationIds: ["r-0", "r-1"] }),
      ran(121, "sum", 8),
      batch(122, "sum", STREAM),
      line(125, "keep-run", { message: "readings archived", correlationIds: ["r-1"] }),
      ran(126, "keep", 3),
      batch(127, "keep", STREAM),
    ];
    expect(labels(events, "r-1")).to.deep.equal([
      "POST /take",
      "└─ take",
      "   └─ stream telemetry-stream",
      "      ├─ sum",
      "      └─ keep",
    ]);
    expect(labels(events, "r-0")).to.deep.equal(["stream telemetry-stream", "└─ sum"]);
  });

  it("shows what was tried again as a hop of its own, and a queue that a function sent to", () => {
    const events = [
      called(9, "send", "sqs", "SendMessage", QUEUE),
      line(9, "send-run", { message: "sent", correlationId: "q" }),
      ran(10, "send", 5),
      line(19, "work-run", { message: "failed", correlationId: "q" }),
      ran(20, "work", 5, { status: "error" }),
      batch(20, "work", QUEUE, { messageIds: ["m"] }),
      line(49, "again-run", { message: "done", correlationId: "q" }),
      ran(50, "again", 5),
      batch(50, "again", QUEUE, { messageIds: ["m"] }),
    ];
    const lines = show(events, "q").slice(1);
    expect(lines.map((text) => text.replace(/ {2,}/g, " ").trim())).to.deep.equal([
      "send ok 5.0 ms sent",
      "└─ queue orders-queue",
      " ├─ work error 5.0 ms +6.0 ms failed".trim(),
      " └─ again ok 5.0 ms +36.0 ms done".trim(),
    ]);
  });

  it("goes on behind a bucket's notification", () => {
    const events: TraceEvent[] = [
      called(9, "store", "s3", "PUT", "arn:aws:s3:::images-abcdef0/originals/a.png"),
      line(9, "store-run", { message: "stored", correlationId: "b" }),
      ran(10, "store", 5),
      {
        kind: "notification",
        at: 11,
        bucket: "images-abcdef0",
        key: "originals/a.png",
        requestId: "shrink-run",
      },
      line(19, "shrink-run", { message: "thumbnails made", correlationId: "b" }),
      ran(20, "shrink", 5),
    ];
    expect(labels(events, "b")).to.deep.equal(["store", "└─ bucket images", "   └─ shrink"]);
  });

  it("is nothing for an id that no line names, not even as a part of another or as an object's member", () => {
    for (const id of ["o", "o-11", "__proto__", "constructor", "message"])
      expect(eventsAbout(ORDER, id), id).to.deep.equal([]);
    expect(traceTree([])).to.equal(undefined);
  });
});
