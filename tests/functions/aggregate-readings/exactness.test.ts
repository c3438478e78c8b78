/**
 * The promise of aggregate-readings: whatever is delivered twice, cut elsewhere, fails, hangs or runs at the same
 * time, every reading is counted exactly once.
 *
 * A simulated stream delivers to simulated environments over a simulated table; a random script decides at each step
 * which request is served next and how: well, refused before it took effect, or taken and then lost on the way back.
 * An invocation may also be given up (a timeout, a kill): what it has sent is served later, among its successors'.
 */

import { ConditionalCheckFailedException } from "@aws-sdk/client-dynamodb";
import type { KinesisStreamRecord } from "aws-lambda";
import { expect } from "chai";
import fc from "fast-check";
import { type AggregateDeps, aggregateReadings } from "../../../functions/aggregate-readings/handler.ts";
import { createWarmCache, type WarmCache } from "../../../functions/aggregate-readings/write.ts";
import { FakeDynamoDb, NOW, record, silent } from "../fakes.ts";

interface Sent {
  deviceId: string;
  metric: string;
  value: number;
  at: string;
}

interface Scenario {
  shards: (Sent | "broken")[][][];
  script: number[];
}

const BATCH = 6;
const MAX_FAULTS = 25;

const sent: fc.Arbitrary<Sent | "broken"> = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.record({
      deviceId: fc.constantFrom("a", "b"),
      metric: fc.constantFrom("m", "n"),
      value: fc.integer({ min: -4000, max: 4000 }).map((quarters) => quarters / 4),
      at: fc.integer({ min: -5, max: 5 }).map((steps) => new Date(NOW + steps * 40_000).toISOString()),
    }),
  },
  { weight: 1, arbitrary: fc.constant("broken" as const) },
);

const scenario: fc.Arbitrary<Scenario> = fc.record({
  shards: fc.array(
    fc.array(fc.array(sent, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 20 }),
    {
      minLength: 1,
      maxLength: 2,
    },
  ),
  script: fc.array(fc.nat(999), { minLength: 200, maxLength: 200 }),
});

/** Endless numbers from a script that fast-check can shrink. */
function createDice(script: number[]): (sides: number) => number {
  let next = 0;
  return (sides) => {
    const roll = script[next % script.length]! + Math.floor(next / script.length) * 7;
    next++;
    return roll % sides;
  };
}

function toRecords(shard: number, payloads: (Sent | "broken")[][]): KinesisStreamRecord[] {
  return payloads.map((payload, index) => {
    const options = { number: index * 2 + shard, shard: `shardId-00000000000${shard}` };
    const single = payload.length === 1 ? payload[0] : payload;
    return record(single === "broken" ? "{" : single, options);
  });
}

/** Holds every request back until the script serves it. */
class Faults {
  readonly waiting: (() => void)[] = [];
  #left = MAX_FAULTS;
  readonly #dice: (sides: number) => number;

  constructor(dice: (sides: number) => number, table: FakeDynamoDb) {
    this.#dice = dice;
    table.around = (run) => this.#hold(run);
  }

  #hold(run: () => unknown): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.waiting.push(() => {
        try {
          resolve(this.#serve(run));
        } catch (error) {
          reject(error as Error);
        }
      });
    });
  }

  #serve(run: () => unknown): unknown {
    const fault = this.#left > 0 ? this.#dice(12) : 12;
    if (fault > 2) return run();
    this.#left--;
    if (fault === 0) throw new Error("refused before it took effect");
    try {
      run();
    } catch (error) {
      // Like a service that does not tell what stands in the way.
      if (error instanceof ConditionalCheckFailedException) error.Item = undefined;
      throw error;
    }
    throw new Error("the answer was lost");
  }

  serveOne(): void {
    const [serve] = this.waiting.splice(this.#dice(this.waiting.length), 1);
    serve?.();
  }
}

/** One shard's deliveries, in order, as an event source mapping makes them. */
class Mapping {
  done = false;
  #position = 0;
  #size = BATCH;
  #rewinds = 3;
  #giveUps = 3;
  #giveUp: () => void = () => {};
  #cache: WarmCache = createWarmCache(3);
  readonly #records: KinesisStreamRecord[];
  readonly #dice: (sides: number) => number;
  readonly #deps: AggregateDeps;

  constructor(records: KinesisStreamRecord[], dice: (sides: number) => number, deps: AggregateDeps) {
    this.#records = records;
    this.#dice = dice;
    this.#deps = deps;
  }

  /** Gives the invocation under way up; its requests stay in flight, its environment is gone. */
  giveUp(): void {
    if (this.#giveUps-- > 0) this.#giveUp();
  }

  async run(): Promise<void> {
    while (this.#position < this.#records.length) {
      const batch = this.#records.slice(this.#position, this.#position + this.#size);
      this.#advance(batch, await this.#invoke(batch));
    }
    this.done = true;
  }

  #invoke(batch: KinesisStreamRecord[]): Promise<string | "all" | "nothing"> {
    const given = new Promise<"nothing">((resolve) => {
      this.#giveUp = () => {
        this.#cache = createWarmCache(3);
        resolve("nothing");
      };
    });
    const invoked = aggregateReadings({ Records: batch }, { ...this.#deps, cache: this.#cache }).then(
      ({ batchItemFailures }) => batchItemFailures[0]?.itemIdentifier ?? "all",
      () => "nothing",
    );
    return Promise.race([given, invoked]);
  }

  #advance(batch: KinesisStreamRecord[], outcome: string): void {
    if (outcome === "all") {
      this.#position += batch.length;
      this.#size = 1 + this.#dice(BATCH);
      // A checkpoint that was lost: records come again, cut elsewhere.
      if (this.#dice(4) === 0 && this.#rewinds-- > 0) this.#position -= this.#dice(this.#position + 1);
      return;
    }
    const failed = batch.findIndex(({ kinesis }) => kinesis.sequenceNumber === outcome);
    if (failed > 0) this.#position += failed;
    else this.#size = Math.max(1, Math.ceil(batch.length / 2));
  }
}

async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

async function deliver({ shards, script }: Scenario): Promise<FakeDynamoDb> {
  const dice = createDice(script);
  const table = new FakeDynamoDb();
  const faults = new Faults(dice, table);
  const deps = { table: "readings", client: table.client, logger: silent, emit: () => {} };
  const mappings = shards.map((payloads, shard) => new Mapping(toRecords(shard, payloads), dice, deps));
  const running = Promise.all(mappings.map((mapping) => mapping.run()));
  while (mappings.some(({ done }) => !done) || faults.waiting.length > 0) {
    await settle();
    if (dice(40) === 0) mappings[dice(mappings.length)]?.giveUp();
    if (faults.waiting.length > 0) faults.serveOne();
  }
  await running;
  return table;
}

const BUCKETS = [
  ["minute", 16],
  ["hour", 13],
  ["day", 10],
] as const;

type Ordered = Sent & { order: string };

/** Every valid reading, with a text that orders readings of one instant as they came. */
function ordered({ shards }: Scenario): Ordered[] {
  return shards.flatMap((payloads, shard) =>
    payloads.flatMap((payload, index) =>
      payload.flatMap((one, position) => {
        const order = `${String(index * 2 + shard).padStart(9, "0")} ${position}`;
        return one === "broken" ? [] : [{ ...one, order: `${one.at} ${order}` }];
      }),
    ),
  );
}

/** What must be in the table, straight from what was sent. */
function expected(given: Scenario): Record<string, object> {
  const groups = new Map<string, Ordered[]>();
  for (const one of ordered(given)) {
    for (const [resolution, length] of BUCKETS) {
      const key = `${one.deviceId}#${one.metric} ${resolution}#${one.at.slice(0, length)}`;
      groups.set(key, [...(groups.get(key) ?? []), one]);
    }
  }
  return Object.fromEntries([...groups].sort().map(([key, group]) => [key, summarise(group)]));
}

/** What must be the latest readings. */
function expectedLatest(given: Scenario): Record<string, object> {
  const latest = new Map<string, Ordered>();
  for (const one of ordered(given)) {
    const key = `${one.deviceId} latest#${one.metric}`;
    if (one.order > (latest.get(key)?.order ?? "")) latest.set(key, one);
  }
  return Object.fromEntries(
    [...latest].sort().map(([key, { value, at }]) => [key, { value, at: Date.parse(at) }]),
  );
}

function summarise(group: Ordered[]): object {
  const values = group.map(({ value }) => value);
  const last = group.reduce((latest, one) => (one.order > latest.order ? one : latest));
  return {
    count: group.length,
    sum: values.reduce((a, b) => a + b, 0),
    min: Math.min(...values),
    max: Math.max(...values),
    last: last.value,
    lastAt: Date.parse(last.at),
  };
}

/** The figures of the items whose id matches. */
function stored(table: FakeDynamoDb, ids: RegExp, names: string[]): Record<string, object> {
  const entries = [...table.items].filter(([id]) => ids.test(id)).sort();
  return Object.fromEntries(
    entries.map(([id, item]) => [id, Object.fromEntries(names.map((name) => [name, Number(item[name]?.N)]))]),
  );
}

describe("aggregate-readings: exactness", () => {
  it("counts every reading exactly once through failures, lost answers, crashes, bisects and redeliveries", async () => {
    // Prepare
    const property = fc.asyncProperty(scenario, async (given) => {
      // Act
      const table = await deliver(given);

      // Assess
      const names = ["count", "sum", "min", "max", "last", "lastAt"];
      expect(stored(table, /^[ab]#/, names)).to.deep.equal(expected(given));
      expect(stored(table, /^[ab] latest#/, ["value", "at"])).to.deep.equal(expectedLatest(given));
    });
    await fc.assert(property, { numRuns: Number(process.env.EXACTNESS_RUNS ?? 150) });
  });
});
