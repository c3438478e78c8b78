import { KinesisClient, PutRecordsCommand } from "@aws-sdk/client-kinesis";
import { expect } from "chai";
import type { Reading } from "../../functions/shared/reading.ts";
import type { LambdaPool } from "../../local/lambda/pool.ts";
import type { Check } from "../../ops/smoke/checks.ts";
import { checkEtl } from "../../ops/smoke/etl.ts";
import { checkImages } from "../../ops/smoke/images.ts";
import { checkLogs } from "../../ops/smoke/logs.ts";
import { checkMqtt } from "../../ops/smoke/mqtt.ts";
import { checkOrders } from "../../ops/smoke/orders.ts";
import { systemForSuite } from "../helpers/system.ts";

/** Functions that a request waits for: nothing delivers their events again. */
const ROUTES = "api-";

/** Runs a function with its event, then with the event before, then with its own again: twice each, and out of order. */
function deliverAgain(pool: LambdaPool): ReadonlyMap<string, number> {
  const invoke = pool.invoke.bind(pool);
  const before = new Map<string, string | Buffer>();
  const deliveries = new Map<string, number>();
  pool.invoke = async (functionName, payload, options = {}) => {
    if (functionName.startsWith(ROUTES)) return invoke(functionName, payload, options);
    const name = functionName.replace(/-function-[0-9a-f]+$/, "");
    const previous = before.get(name);
    before.set(name, payload);
    deliveries.set(name, (deliveries.get(name) ?? 0) + 1);
    const { requestId: _, ...fresh } = options;
    await invoke(functionName, payload, fresh);
    if (previous !== undefined) await invoke(functionName, previous, fresh);
    return invoke(functionName, payload, options);
  };
  return deliveries;
}

describe("the program on this machine when every event comes twice and out of order", function () {
  this.timeout(180_000);
  const system = systemForSuite();

  it("ends as if each had come once: telemetry, MQTT, lake, reports, orders, images and logs", async () => {
    // Prepare
    const { runtime, smoke } = system();
    const deliveries = deliverAgain(runtime.pool);
    const context = smoke("again");
    const since = Date.now();
    const day = new Date(since - 86_400_000).toISOString().slice(0, 10);
    const readings: Reading[] = Array.from({ length: 60 }, (_, index) => ({
      deviceId: `again-${index % 3}`,
      metric: "temperature",
      value: ((index * 7919) % 1000) / 10,
      at: `${day}T12:${String(index).padStart(2, "0")}:00Z`,
    }));
    const kinesis = new KinesisClient({ ...context.clientOptions, endpoint: context.target.endpoint });
    const send = async (batch: Reading[]): Promise<void> => {
      const Records = batch.map((reading) => ({
        PartitionKey: "p",
        Data: Buffer.from(JSON.stringify(reading)),
      }));
      const { streamName } = context.target.outputs;
      const aggregated = runtime.trace.waitFor(
        ({ kind, functionName }) =>
          kind === "batch" && String(functionName).startsWith("telemetry-aggregate-"),
        { onlyNew: true },
      );
      await kinesis.send(new PutRecordsCommand({ StreamName: streamName, Records }));
      await aggregated;
    };

    // Act
    await send(readings.slice(0, 30));
    await send(readings.slice(30));
    kinesis.destroy();
    const checks: Check[] = await checkMqtt(context);
    for (const part of [checkOrders, checkImages, checkLogs]) checks.push(...(await part(context)));
    checks.push(...(await checkEtl(context, { readings, since })));

    // Assess
    expect(checks.filter(({ ok }) => !ok)).to.deep.equal([]);
    expect([...deliveries.keys()]).to.include.members([
      "access-log-process",
      "backfills-plan",
      "compactions-compact",
      "daily-reports-build",
      "logs-process",
      "orders-fulfil",
      "orders-publish",
      "telemetry-aggregate",
      "telemetry-archive",
      "uploads-thumbnails",
    ]);
    const counts = readings.map(({ deviceId }) => deviceId).filter((id) => id === "again-0").length;
    const token = await context.api.token("telemetry.read");
    const query = `metric=temperature&resolution=day&from=${day}T00:00:00Z&to=${day}T23:59:59Z`;
    const { body } = await context.api.get(`/devices/again-0/readings?${query}`, token);
    expect((body as { points: { count: number }[] }).points.map(({ count }) => count)).to.deep.equal([
      counts,
    ]);
  });
});

// Not proven here: the two schedules (tests/functions/plan-compaction, tests/local/virtual-time.test.ts), and what
// happens when two deliveries run at once (the handlers' own tests).
