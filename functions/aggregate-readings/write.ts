/**
 * Brings one shard's batch into the table: exactly once, however often and however cut the batch is delivered, and
 * whoever else writes at the same time. The store is passed in; see summary.ts for why it is exact.
 */
import type { KinesisStreamRecord } from "aws-lambda";
import { padSequence, settleBounded } from "../shared/batch.ts";
import { LruMap } from "../shared/lru.ts";
import type { TimeLimits } from "../shared/reading.ts";
import { type Delta, type Folded, foldRecords, type Latest } from "./core.ts";
import { keyOf } from "./items.ts";
import { identity, type Store } from "./store.ts";
import { type Aggregate, applyDelta, standingOf } from "./summary.ts";

/** What one environment remembers between its batches. Losing it costs reads, never correctness. */
export interface WarmCache {
  aggregates: LruMap<Aggregate>;
  /** By series: the latest reading that is known to be in the table. */
  latest: LruMap<{ at: number; sequence: string }>;
  /** Devices known to be in the index. */
  devices: LruMap<true>;
}

/** @param entries of each kind; an aggregate takes about half a kilobyte. */
export function createWarmCache(entries = 20_000): WarmCache {
  return { aggregates: new LruMap(entries), latest: new LruMap(entries), devices: new LruMap(entries) };
}

export interface WriteOptions {
  store: Store;
  cache: WarmCache;
  limits: TimeLimits;
  /** Writes under way at once. */
  concurrency: number;
}

export interface BatchReport extends Omit<Folded, "deltas" | "latest"> {
  /** Aggregates written. */
  written: number;
  /** Aggregates that had all of it already: this batch came again. */
  alreadyApplied: number;
  /** Puts refused because another environment had written in between. */
  conflicts: number;
  /** Where Lambda must start again: the first record with unfinished work. */
  failedSequence?: string;
  /** The first failure's cause. */
  cause?: Error;
}

/** A put refused this often in a row is given up; then the batch is delivered again. */
const MAX_ROUNDS = 10;
/** After this many failed writes the table is taken to be out of order: no more are started. */
const MAX_FAILURES = 10;

interface Task {
  firstIndex: number;
  run(): Promise<void>;
}

interface Batch {
  shard: string;
  records: readonly KinesisStreamRecord[];
  /** Zero-padded, by index. */
  sequences: string[];
  through: string;
  options: WriteOptions;
  report: BatchReport;
  /** The batch folded from what comes after a sequence number; such cuts are few. */
  refolds: Map<string, Map<string, Delta>>;
}

function refold(batch: Batch, id: string, after: string): Delta | undefined {
  let deltas = batch.refolds.get(after);
  if (deltas === undefined) {
    const folded = foldRecords(batch.records, { limits: batch.options.limits, after });
    deltas = new Map(folded.deltas.map((delta) => [identity(keyOf(delta)), delta]));
    batch.refolds.set(after, deltas);
  }
  return deltas.get(id);
}

/** The part of `delta` that `stored` does not have yet; undefined when it has all. */
function missingPart(
  batch: Batch,
  id: string,
  delta: Delta,
  stored: Aggregate | undefined,
): Delta | undefined {
  const first = batch.sequences[delta.firstIndex] ?? "";
  const last = batch.sequences[delta.lastIndex] ?? "";
  const standing = standingOf(stored, batch.shard, { first, last });
  if (standing === "new") return delta;
  return standing === "applied" ? undefined : refold(batch, id, standing.partlyAppliedUpTo);
}

/** What the table holds after a refused put. */
async function currentState(
  batch: Batch,
  delta: Delta,
  told: Aggregate | undefined,
): Promise<Aggregate | undefined> {
  if (told !== undefined) return told;
  const key = keyOf(delta);
  return (await batch.options.store.read([key])).get(identity(key));
}

async function bringIn(batch: Batch, delta: Delta, known: Aggregate | undefined): Promise<void> {
  const { store, cache } = batch.options;
  const id = identity(keyOf(delta));
  let stored = known;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const part = missingPart(batch, id, delta, stored);
    if (part === undefined) {
      batch.report.alreadyApplied++;
      if (stored !== undefined) cache.aggregates.set(id, stored);
      return;
    }
    const next = applyDelta(stored, part, batch);
    // Until the answer is here, nobody knows what the table holds.
    cache.aggregates.delete(id);
    const outcome = await store.put(part, next, stored);
    if (outcome.written) {
      cache.aggregates.set(id, next);
      batch.report.written++;
      return;
    }
    batch.report.conflicts++;
    stored = await currentState(batch, delta, outcome.current);
  }
  throw new Error(
    `Aggregate "${id}" was changed by others ${MAX_ROUNDS} times in a row; the batch will come again.`,
  );
}

async function knownAggregates(batch: Batch, deltas: Delta[]): Promise<Map<string, Aggregate>> {
  const { store, cache } = batch.options;
  const known = new Map<string, Aggregate>();
  const unknown = [];
  for (const delta of deltas) {
    const key = keyOf(delta);
    const cached = cache.aggregates.get(identity(key));
    if (cached === undefined) unknown.push(key);
    else known.set(identity(key), cached);
  }
  for (const [id, aggregate] of await store.read(unknown)) {
    known.set(id, aggregate);
    cache.aggregates.set(id, aggregate);
  }
  return known;
}

async function bringInLatest({ options: { store, cache } }: Batch, latest: Latest): Promise<void> {
  const id = `${latest.deviceId}#${latest.metric}`;
  const known = cache.latest.get(id);
  const isKnown =
    known !== undefined &&
    (known.at > latest.at || (known.at === latest.at && known.sequence >= latest.sequence));
  if (isKnown) return;
  await store.putLatest(latest);
  cache.latest.set(id, { at: latest.at, sequence: latest.sequence });
}

async function bringInDevice({ options: { store, cache } }: Batch, deviceId: string): Promise<void> {
  if (cache.devices.get(deviceId) !== undefined) return;
  await store.putDevice(deviceId);
  cache.devices.set(deviceId, true);
}

function deviceTasks(batch: Batch, latest: Latest[]): Task[] {
  const firstIndexes = new Map<string, number>();
  for (const { deviceId, firstIndex } of latest) {
    firstIndexes.set(deviceId, Math.min(firstIndex, firstIndexes.get(deviceId) ?? firstIndex));
  }
  return [...firstIndexes].map(([deviceId, firstIndex]) => ({
    firstIndex,
    run: () => bringInDevice(batch, deviceId),
  }));
}

function tasksOf(
  batch: Batch,
  folded: Pick<Folded, "deltas" | "latest">,
  known: Map<string, Aggregate>,
): Task[] {
  return [
    ...folded.deltas.map((delta) => ({
      firstIndex: delta.firstIndex,
      run: () => bringIn(batch, delta, known.get(identity(keyOf(delta)))),
    })),
    ...folded.latest.map((latest) => ({
      firstIndex: latest.firstIndex,
      run: () => bringInLatest(batch, latest),
    })),
    ...deviceTasks(batch, folded.latest),
  ];
}

/** Notes where to start again: all that lies before the first unfinished work is done. */
function noteFailures(batch: Batch, tasks: Task[], results: (Error | undefined)[]): void {
  const failed = tasks.filter((_, index) => results[index] !== undefined);
  if (failed.length === 0) return;
  const firstIndex = failed.reduce(
    (first, task) => Math.min(first, task.firstIndex),
    Number.POSITIVE_INFINITY,
  );
  batch.report.failedSequence = batch.records[firstIndex]?.kinesis.sequenceNumber;
  batch.report.cause = results.find((result) => result !== undefined);
}

/**
 * Folds one shard's records and brings every summary into the store.
 *
 * It rejects only when the aggregates cannot be read (then nothing was written); what fails later is reported by
 * `failedSequence`.
 */
export async function writeBatch(
  shard: string,
  records: readonly KinesisStreamRecord[],
  options: WriteOptions,
): Promise<BatchReport> {
  const sequences = records.map((record) => padSequence(record.kinesis.sequenceNumber));
  const folded = foldRecords(records, { limits: options.limits });
  const { deltas, latest, ...counted } = folded;
  const report: BatchReport = { ...counted, written: 0, alreadyApplied: 0, conflicts: 0 };
  const through = sequences.at(-1) ?? "";
  const batch: Batch = { shard, records, sequences, through, options, report, refolds: new Map() };
  const tasks = tasksOf(batch, { deltas, latest }, await knownAggregates(batch, deltas));
  const bounds = { limit: options.concurrency, maxFailures: MAX_FAILURES };
  noteFailures(batch, tasks, await settleBounded(tasks, (task) => task.run(), bounds));
  return report;
}
