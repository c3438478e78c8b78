import { expect } from "chai";
import fc from "fast-check";
import type { KinesisEventRecord } from "../../../local/sources/stream/event.ts";
import { Bed, type FakeEvent, textOf } from "./bed.ts";

/** What the function does at each of its invocations; afterwards it succeeds. */
const mishap = fc.oneof(
  fc.constant({ kind: "ok" as const }),
  fc.constant({ kind: "throw" as const }),
  fc.record({ kind: fc.constant("report" as const), index: fc.nat(20) }),
  fc.constant({ kind: "nonsense" as const }),
);

const settings = fc.record({
  batchSize: fc.integer({ min: 1, max: 12 }),
  bisectBatchOnFunctionError: fc.boolean(),
  maximumRetryAttempts: fc.constantFrom(-1, 0, 1, 3),
  maximumRecordAgeInSeconds: fc.constantFrom(-1, 60),
  parallelizationFactor: fc.constantFrom(1, 3),
  maximumBatchingWindowInSeconds: fc.constantFrom(0, 2),
});

const scenario = fc.record({
  settings,
  mishaps: fc.array(mishap, { maxLength: 30 }),
  puts: fc.array(fc.record({ count: fc.integer({ min: 1, max: 15 }), wait: fc.nat(30_000) }), {
    minLength: 1,
    maxLength: 5,
  }),
});

type Mishap = { kind: "ok" | "throw" | "nonsense" } | { kind: "report"; index: number };

/** One invocation: notes what it has done, and answers as the mishap says. */
const act = (event: FakeEvent, mishap: Mishap, done: string[]): unknown => {
  if (mishap.kind === "throw") throw new Error("mishap");
  if (mishap.kind === "nonsense") return { batchItemFailures: [{ itemIdentifier: "nobody" }] };
  const index = mishap.kind === "report" ? mishap.index : event.Records.length;
  done.push(...event.Records.slice(0, index).map(textOf));
  const failed = event.Records[index];
  return failed ? { batchItemFailures: [{ itemIdentifier: failed.kinesis.sequenceNumber }] } : null;
};

describe("stream source property", () => {
  it("delivers or dead-letters every record, in order per partition key, whatever fails", async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async ({ settings, mishaps, puts }) => {
        const pending = [...mishaps];
        const done: string[] = [];
        const bed = new Bed({ shards: 2 });
        bed.handler = (event) => act(event, pending.shift() ?? { kind: "ok" }, done);
        await bed.start({
          ...settings,
          functionResponseTypes: ["ReportBatchItemFailures"],
          destinationConfig: { onFailure: { destinationArn: "arn:aws:s3:::failures" } },
        });
        const sent: string[] = [];
        for (const { count, wait } of puts) {
          const texts = Array.from({ length: count }, (_, index) => `${sent.length + index}`);
          sent.push(...texts);
          await bed.put(texts, (text) => `key-${Number(text) % 5}`);
          await bed.clock.advance(wait);
        }
        await bed.clock.advance(3_600_000);
        await bed.stop();

        const deadLettered = bed.stored.flatMap(({ body }) =>
          (body.payload as { Records: KinesisEventRecord[] }).Records.map(textOf),
        );
        expect([...done, ...deadLettered].map(Number).sort((a, b) => a - b)).to.deep.equal(sent.map(Number));
        for (let key = 0; key < 5; key += 1) {
          const ofKey = done.map(Number).filter((text) => text % 5 === key);
          expect(ofKey).to.deep.equal([...ofKey].sort((a, b) => a - b));
        }
      }),
      { numRuns: 100 },
    );
  });
});
