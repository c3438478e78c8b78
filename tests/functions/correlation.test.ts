/** One id through every hop, each handler with what the one before gave it. */
import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import type { KinesisClient, PutRecordsCommandInput } from "@aws-sdk/client-kinesis";
import type { S3Client } from "@aws-sdk/client-s3";
import type { SendMessageBatchCommandInput, SQSClient } from "@aws-sdk/client-sqs";
import { expect } from "chai";
import { acceptTelemetry } from "../../functions/accept-telemetry/handler.ts";
import { aggregateReadings } from "../../functions/aggregate-readings/handler.ts";
import { createWarmCache } from "../../functions/aggregate-readings/write.ts";
import { archiveReadings } from "../../functions/archive-readings/handler.ts";
import { buildDailyReport, queueDailyReports } from "../../functions/build-daily-report/handler.ts";
import { compactLake } from "../../functions/compact-lake/handler.ts";
import { fulfilOrders } from "../../functions/fulfil-order/handler.ts";
import { planBackfill, planCompaction } from "../../functions/plan-compaction/handler.ts";
import { publishOrderEvents } from "../../functions/publish-order-events/handler.ts";
import { capturing, event, FakeDynamoDb, NOW, reading, request, silent } from "./fakes.ts";
import { change, ITEMS, Orders, queued } from "./orders.ts";

const emit = (): void => {};

/** Clients of a lake with one raw object an hour, and a queue that keeps what it is sent. */
function lake() {
  const sent: Record<string, unknown>[] = [];
  const s3 = { send: async () => ({ Contents: [{ Key: "raw/a.ndjson.zst", ETag: "e", Size: 1 }] }) };
  const dynamodb = { send: async () => ({ Items: [] }) };
  const sqs = {
    send: async ({ input }: { input: SendMessageBatchCommandInput }) => {
      sent.push(...(input.Entries ?? []).map(({ MessageBody }) => JSON.parse(String(MessageBody))));
      return {};
    },
  };
  const clients = {
    s3: s3 as unknown as S3Client,
    dynamodb: dynamodb as unknown as DynamoDBClient,
    sqs: sqs as unknown as SQSClient,
  };
  return { sent, clients };
}

const down = (): never => {
  throw new Error("down");
};

describe("correlation: readings", () => {
  it("comes from the request into readings that have none, and stays what it was in the others", async () => {
    const { lines, logger } = capturing();
    const put: Record<string, unknown>[] = [];
    const send = async ({ input }: { input: PutRecordsCommandInput }) => {
      put.push(...(input.Records ?? []).map(({ Data }) => JSON.parse(Buffer.from(Data ?? []).toString())));
      return { Records: [{}, {}] };
    };
    const client = { send } as unknown as KinesisClient;
    const deps = { stream: "telemetry", client, logger, now: () => NOW };
    await acceptTelemetry(request({ body: [reading(), reading({ correlationId: "own" })] }), deps);
    expect(put.map(({ correlationId }) => correlationId)).to.deep.equal(["request-1", "own"]);
    expect(lines[0]).to.include({ correlationId: "request-1", requestId: "request-1" });
  });

  it("is named where a batch is stored, and where it is not", async () => {
    const { lines, logger } = capturing();
    const table = new FakeDynamoDb();
    const deps = { table: "readings", client: table.client, logger, emit, emitAll: emit, now: () => NOW };
    const batch = event(reading({ correlationId: "a" }), reading({ correlationId: "b" }), reading());
    await aggregateReadings(batch, { ...deps, cache: createWarmCache() });
    table.around = async (run, name) => (name === "PutItemCommand" ? down() : run());
    await aggregateReadings(event(reading({ correlationId: "c" })), { ...deps, cache: createWarmCache() });
    expect(lines.map(({ level, correlationIds }) => [level, correlationIds])).to.deep.equal([
      ["INFO", ["a", "b"]],
      ["ERROR", ["c"]],
    ]);
    expect(lines[0]).to.include({ readings: 3, correlatedItems: 2 });
  });

  it("is named where a batch is archived, apart from what is quarantined", async () => {
    const { lines, logger } = capturing();
    const client = { send: async () => ({}) } as unknown as S3Client;
    const good = reading({ correlationId: "good" });
    const bad = reading({ correlationId: "bad", value: "warm" });
    await archiveReadings(event(good, bad, [good, { ...bad, correlationId: 5 }], "{"), {
      bucket: "lake",
      client,
      logger,
      emit,
    });
    expect(lines.map(({ message, correlationIds }) => [message, correlationIds])).to.deep.equal([
      ["readings archived", ["good"]],
      ["readings quarantined", ["bad"]],
    ]);
  });
});

describe("correlation: orders", () => {
  it("goes from the request over row, change, event and message into every line", async () => {
    const { lines, logger } = capturing();
    const orders = new Orders();
    Object.assign(orders.deps, { logger });
    await orders.place(ITEMS);
    await orders.place(ITEMS);
    await orders.publish();
    await orders.fulfil([...orders.forwarded, ...orders.forwarded]);
    expect(lines.map(({ message, correlationId }) => [message, correlationId])).to.deep.equal([
      ["order placed", "request-1"],
      ["order key seen before", "request-1"],
      ["event published", "request-1"],
      ["order fulfilled", "request-1"],
      ["order was fulfilled before", "request-1"],
    ]);
  });

  it("is named where an order cannot be fulfilled, and replaced where it is none", async () => {
    const { lines, logger } = capturing();
    const orders = new Orders();
    await orders.place(ITEMS);
    await orders.publish();
    const [message] = orders.forwarded as [{ detail: object }];
    const forged = { ...message, detail: { ...message.detail, correlationId: "a b\nc" } };
    orders.before = (name) => (name === "UpdateItemCommand" ? down() : undefined);
    await fulfilOrders(queued([message, forged]), { ...orders.deps, logger });
    expect(lines.map(({ message: text, correlationId }) => [text, correlationId])).to.deep.equal([
      ["message failed", "request-1"],
      ["message failed", "message-1"],
    ]);
  });

  it("is named where a change holds no order", async () => {
    const { lines, logger } = capturing();
    const after = { orderId: { S: "x" }, correlationId: { S: "c-1" } };
    await publishOrderEvents({ Records: [change(1, { after })] }, { bus: "bus", logger, emit });
    expect(lines[0]).to.include({ message: "change left out", correlationId: "c-1" });
  });

  it("counts an order once, however often its request comes", async () => {
    const counted: object[] = [];
    const orders = new Orders();
    Object.assign(orders.deps, { emit: (_service: string, values: object) => counted.push(values) });
    await orders.place(ITEMS);
    await orders.place(ITEMS);
    await orders.publish();
    await orders.fulfil([...orders.forwarded, ...orders.forwarded]);
    expect(counted[0]).to.deep.equal({ ordersPlaced: 1 });
    expect(counted.at(-1)).to.deep.equal({ ordersFulfilled: 1, repeatedEvents: 1, failedMessages: 0 });
    expect(counted).to.have.length(3);
  });
});

describe("correlation: the lake", () => {
  it("begins with a planning, which gives it to its jobs", async () => {
    const { lines, logger } = capturing();
    const { sent, clients } = lake();
    const deps = { lake: "lake", manifests: "m", jobs: "q", buckets: 1, clients, logger, emit };
    await planCompaction({ ...deps, now: () => NOW, newId: () => "new" });
    expect(lines[0]).to.include({ message: "compaction planned", correlationId: "new" });
    expect(sent).to.have.length(48);
    expect(new Set(sent.map(({ correlationId }) => correlationId))).to.deep.equal(new Set(["new"]));
  });

  it("comes with a backfill's message, or is the message's own id", async () => {
    const { lines, logger } = capturing();
    const { sent, clients } = lake();
    const deps = { lake: "lake", manifests: "m", jobs: "q", buckets: 1, clients, logger, emit };
    const hour = { from: "2026-01-31T12", to: "2026-01-31T12" };
    const messages = [{ ...hour, correlationId: "mine" }, { ...hour, correlationId: "not an id" }, {}];
    await planBackfill(queued(messages), deps);
    expect(sent.map(({ correlationId }) => correlationId)).to.deep.equal(["mine", "message-1"]);
    expect(lines.map(({ message, correlationId }) => [message, correlationId])).to.deep.equal([
      ["compaction planned", "mine"],
      ["compaction planned", "message-1"],
      ["backfill refused", "message-2"],
    ]);
  });

  it("is named where a job of either queue fails", async () => {
    const { lines, logger } = capturing();
    const { clients } = lake();
    const broken = { ...clients, dynamodb: { send: async () => down() } as unknown as DynamoDBClient };
    const job = { hour: "2026-01-31T12", bucket: 0, buckets: 1, correlationId: "c-1" };
    const common = { lake: "lake", reports: "r", clients: broken, logger, emit };
    await compactLake(queued([job]), { ...common, manifests: "m", reportDelaySeconds: 0 });
    const report = { date: "2026-01-31", bucket: 0 };
    await buildDailyReport(queued([{ ...report, correlationId: "c-2" }, report]), common);
    expect(lines.map(({ message, correlationId }) => [message, correlationId])).to.deep.equal([
      ["message failed", "c-1"],
      ["message failed", "c-2"],
      ["message failed", "message-1"],
    ]);
  });

  it("begins anew with the reports that a schedule plans", async () => {
    const { lines, logger } = capturing();
    const { sent, clients } = lake();
    const deps = { jobs: "q", buckets: 2, client: clients.sqs, logger, now: () => NOW, newId: () => "new" };
    await queueDailyReports(deps);
    expect(sent.map(({ correlationId }) => correlationId)).to.deep.equal(["new", "new", "new", "new"]);
    expect(lines[0]).to.include({ message: "reports planned", correlationId: "new", jobs: 4 });
    await queueDailyReports({ ...deps, newId: undefined, logger: silent });
    expect(sent.at(-1)?.correlationId).to.match(/^[0-9a-f-]{36}$/);
  });
});
