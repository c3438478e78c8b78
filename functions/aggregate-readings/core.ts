/**
 * Folds a batch of one shard's records into one summary for each device, metric and bucket, and merges such a
 * summary into what the table holds. Pure.
 *
 * Why redelivery never counts twice: every stored aggregate carries, for each shard, the last sequence number that it
 * has applied. A shard's records arrive in order, so "applied up to S" means that everything of that shard up to S
 * is in. A batch that comes again, whole or cut elsewhere, is folded from the first record after S; no record is
 * ever half applied, because the readings of one record that belong to one aggregate are merged in one write.
 */
import type { KinesisStreamRecord } from "aws-lambda";
import { arrayProblem, arrivalOf, PayloadError, padSequence, parsePayload } from "../shared/batch.ts";
import { DAY, HOUR, MINUTE } from "../shared/instant.ts";
import type { Resolution } from "../shared/keys.ts";
import { DEFAULT_LIMITS, judgeReading, type Reading, type TimeLimits } from "../shared/reading.ts";
import { roundingError } from "../shared/sum.ts";

/** What is known about one device's metric in one bucket of time. */
export interface Summary {
  count: number;
  /** Sum of the values, as `sum + sumLow`: see shared/sum.ts. */
  sum: number;
  sumLow: number;
  min: number;
  max: number;
  /** Value of the reading with the greatest `at`; of two alike, the one with the greater sequence number. */
  last: number;
  /** Epoch ms of that reading. */
  lastAt: number;
  /** Its zero-padded sequence number. */
  lastSequence: string;
}

/** A summary of some records of one batch. */
export interface Delta extends Summary {
  deviceId: string;
  metric: string;
  resolution: Resolution;
  /** Start of the bucket, epoch ms. */
  start: number;
  /** Index in the batch of the first record in it, and of the last. */
  firstIndex: number;
  lastIndex: number;
}

/** An aggregate as the table holds it. */
export interface Aggregate extends Summary {
  /** Shard to the last sequence number applied, zero-padded. */
  applied: ReadonlyMap<string, string>;
}

/** The newest reading of one device's metric in a batch. */
export interface Latest {
  deviceId: string;
  metric: string;
  value: number;
  at: number;
  sequence: string;
  firstIndex: number;
}

/** A batch of one shard, folded. */
export interface Folded {
  deltas: Delta[];
  latest: Latest[];
  /** Valid readings. */
  readings: number;
  /** Readings and records left out because they are invalid (archive-readings quarantines them). */
  invalid: number;
}

/** DynamoDB numbers end here in magnitude: what is smaller is stored as zero. */
const SMALLEST = 1e-130;

interface Series {
  deviceId: string;
  metric: string;
  minutes: Map<number, Delta>;
  /** The minute of the reading before: most often also that of the next one. */
  recent: Delta | undefined;
}

interface Fold {
  series: Map<string, Map<string, Series>>;
  readings: number;
  invalid: number;
}

function seriesOf(fold: Fold, deviceId: string, metric: string): Series {
  let metrics = fold.series.get(deviceId);
  if (metrics === undefined) {
    metrics = new Map();
    fold.series.set(deviceId, metrics);
  }
  let series = metrics.get(metric);
  if (series === undefined) {
    series = { deviceId, metric, minutes: new Map(), recent: undefined };
    metrics.set(metric, series);
  }
  return series;
}

function add(delta: Delta, value: number, at: number, sequence: string): void {
  const sum = delta.sum + value;
  delta.sumLow += roundingError(delta.sum, value, sum);
  delta.sum = sum;
  delta.count++;
  if (value < delta.min) delta.min = value;
  if (value > delta.max) delta.max = value;
  if (at >= delta.lastAt) {
    delta.last = value;
    delta.lastAt = at;
    delta.lastSequence = sequence;
  }
}

function addToMinute(
  series: Series,
  reading: Reading,
  at: number,
  origin: { index: number; sequence: string },
): void {
  const start = at - (((at % MINUTE) + MINUTE) % MINUTE);
  const delta = series.recent?.start === start ? series.recent : series.minutes.get(start);
  const { value } = reading;
  if (delta !== undefined) {
    add(delta, value, at, origin.sequence);
    delta.lastIndex = origin.index;
    series.recent = delta;
    return;
  }
  series.recent = {
    deviceId: series.deviceId,
    metric: series.metric,
    resolution: "minute",
    start,
    count: 1,
    sum: value,
    sumLow: 0,
    min: value,
    max: value,
    last: value,
    lastAt: at,
    lastSequence: origin.sequence,
    firstIndex: origin.index,
    lastIndex: origin.index,
  };
  series.minutes.set(start, series.recent);
}

/** Where the readings of one record come from and go to. */
interface RecordFold {
  fold: Fold;
  origin: { index: number; sequence: string };
  arrivedAt: number;
  limits: TimeLimits;
}

function foldReading(candidate: unknown, { fold, origin, arrivedAt, limits }: RecordFold): void {
  const at = judgeReading(candidate, arrivedAt, limits);
  if (typeof at === "string") {
    fold.invalid++;
    return;
  }
  const reading = candidate as Reading;
  addToMinute(seriesOf(fold, reading.deviceId, reading.metric), reading, at, origin);
  fold.readings++;
}

function foldPayload(payload: unknown, context: RecordFold): void {
  if (!Array.isArray(payload)) {
    foldReading(payload, context);
    return;
  }
  if (arrayProblem(payload) !== undefined) {
    context.fold.invalid++;
    return;
  }
  for (const candidate of payload) foldReading(candidate, context);
}

function foldRecord(record: KinesisStreamRecord, context: RecordFold): void {
  let payload: unknown;
  try {
    payload = parsePayload(record.kinesis.data);
  } catch (error) {
    if (!(error instanceof PayloadError)) throw error;
    context.fold.invalid++;
    return;
  }
  foldPayload(payload, context);
}

/** Is (at, sequence) later than (otherAt, otherSequence)? */
function isLater(at: number, sequence: string, otherAt: number, otherSequence: string): boolean {
  return at > otherAt || (at === otherAt && sequence >= otherSequence);
}

/** Adds `part` to `whole`, in place. */
function mergeInto(whole: Summary, part: Summary): void {
  const sum = whole.sum + part.sum;
  const low = roundingError(whole.sum, part.sum, sum) + whole.sumLow + part.sumLow;
  whole.sum = sum + low;
  whole.sumLow = roundingError(sum, low, whole.sum);
  whole.count += part.count;
  whole.min = Math.min(whole.min, part.min);
  whole.max = Math.max(whole.max, part.max);
  if (isLater(part.lastAt, part.lastSequence, whole.lastAt, whole.lastSequence)) {
    whole.last = part.last;
    whole.lastAt = part.lastAt;
    whole.lastSequence = part.lastSequence;
  }
}

function mergeDelta(whole: Delta, part: Delta): void {
  mergeInto(whole, part);
  whole.firstIndex = Math.min(whole.firstIndex, part.firstIndex);
  whole.lastIndex = Math.max(whole.lastIndex, part.lastIndex);
}

function rollUp(parts: Delta[], resolution: Resolution, length: number): Delta[] {
  const buckets = new Map<number, Delta>();
  for (const part of parts) {
    const start = Math.floor(part.start / length) * length;
    const bucket = buckets.get(start);
    if (bucket === undefined) buckets.set(start, { ...part, resolution, start });
    else mergeDelta(bucket, part);
  }
  return [...buckets.values()];
}

function latestOf(series: Series, days: Delta[]): Latest {
  let { last, lastAt, lastSequence, firstIndex } = days[0] as Delta;
  for (const day of days) {
    firstIndex = Math.min(firstIndex, day.firstIndex);
    if (day.lastAt > lastAt) ({ last, lastAt, lastSequence } = day);
  }
  const { deviceId, metric } = series;
  return { deviceId, metric, value: last, at: lastAt, sequence: lastSequence, firstIndex };
}

function finish(fold: Fold): Folded {
  const folded: Folded = { deltas: [], latest: [], readings: fold.readings, invalid: fold.invalid };
  for (const metrics of fold.series.values()) {
    for (const series of metrics.values()) {
      const minutes = [...series.minutes.values()];
      const hours = rollUp(minutes, "hour", HOUR);
      const days = rollUp(hours, "day", DAY);
      folded.deltas.push(...minutes, ...hours, ...days);
      folded.latest.push(latestOf(series, days));
    }
  }
  return folded;
}

/** What to leave out of a fold. */
export interface FoldOptions {
  limits?: TimeLimits;
  /** Zero-padded: records up to and with this sequence number are left out. */
  after?: string;
}

/** Folds one shard's records, which must be in the order of the shard. */
export function foldRecords(
  records: readonly KinesisStreamRecord[],
  { limits = DEFAULT_LIMITS, after = "" }: FoldOptions = {},
): Folded {
  const fold: Fold = { series: new Map(), readings: 0, invalid: 0 };
  for (const [index, record] of records.entries()) {
    const sequence = padSequence(record.kinesis.sequenceNumber);
    if (sequence <= after) continue;
    foldRecord(record, { fold, origin: { index, sequence }, arrivedAt: arrivalOf(record), limits });
  }
  return finish(fold);
}

/** How a delta stands to what is stored. */
export type Standing = "new" | "applied" | { partlyAppliedUpTo: string };

/** Tells whether the delta's records are all new to the stored aggregate, all in it, or partly. */
export function standingOf(
  stored: Aggregate | undefined,
  shard: string,
  { first, last }: { first: string; last: string },
): Standing {
  const applied = stored?.applied.get(shard);
  if (applied === undefined || applied < first) return "new";
  return applied >= last ? "applied" : { partlyAppliedUpTo: applied };
}

/** As DynamoDB can hold it: nothing between zero and 1e-130, and no negative zero. */
function storable(value: number): number {
  return Math.abs(value) < SMALLEST ? 0 : value;
}

/**
 * The aggregate after `delta`.
 *
 * @param through zero-padded sequence number of the batch's last record: everything of the shard up to it is now in.
 */
export function applyDelta(
  stored: Aggregate | undefined,
  delta: Summary,
  { shard, through }: { shard: string; through: string },
): Aggregate {
  const summary: Summary = {
    count: delta.count,
    sum: delta.sum,
    sumLow: delta.sumLow,
    min: delta.min,
    max: delta.max,
    last: delta.last,
    lastAt: delta.lastAt,
    lastSequence: delta.lastSequence,
  };
  if (stored !== undefined) mergeInto(summary, stored);
  for (const name of ["sum", "sumLow", "min", "max", "last"] as const)
    summary[name] = storable(summary[name]);
  return { ...summary, applied: new Map(stored?.applied).set(shard, through) };
}
