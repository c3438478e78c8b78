/**
 * Folds a batch of one shard's records into one summary for each device, metric and bucket. Pure; summary.ts has what
 * becomes of a summary.
 */
import type { KinesisStreamRecord } from "aws-lambda";
import { arrayProblem, arrivalOf, PayloadError, padSequence, parsePayload } from "../shared/batch.ts";
import { CorrelationIds } from "../shared/correlation.ts";
import { asEnvelope, type Envelope, senderOf, senderProblem } from "../shared/envelope.ts";
import { DAY, HOUR, MINUTE } from "../shared/instant.ts";
import type { Resolution } from "../shared/keys.ts";
import { DEFAULT_LIMITS, judgeReading, type Reading, type TimeLimits } from "../shared/reading.ts";
import { roundingError } from "../shared/sum.ts";
import { mergeInto, type Summary } from "./summary.ts";

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
  /** When each of them was measured, epoch ms. */
  measuredAt: number[];
  correlationIds: CorrelationIds;
  /** Readings and records left out because they are invalid (archive-readings quarantines them). */
  invalid: number;
}

/** Where a record stands. */
interface Origin {
  /** In the batch. */
  index: number;
  /** Zero-padded. */
  sequence: string;
}

interface Series {
  deviceId: string;
  metric: string;
  minutes: Delta[];
  /** The minutes by their start, from the second on: most series have one in a batch. */
  byStart: Map<number, Delta> | undefined;
  /** The minute of the reading before: most often also that of the next one. */
  recent: Delta | undefined;
}

interface Fold extends Omit<Folded, "deltas" | "latest"> {
  series: Map<string, Map<string, Series>>;
}

function seriesOf(fold: Fold, deviceId: string, metric: string): Series {
  let metrics = fold.series.get(deviceId);
  if (metrics === undefined) {
    metrics = new Map();
    fold.series.set(deviceId, metrics);
  }
  let series = metrics.get(metric);
  if (series === undefined) {
    series = { deviceId, metric, minutes: [], byStart: undefined, recent: undefined };
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

function minuteOf(series: Series, start: number): Delta | undefined {
  return series.recent?.start === start ? series.recent : series.byStart?.get(start);
}

function keepMinute(series: Series, minute: Delta): void {
  series.minutes.push(minute);
  if (series.minutes.length === 1) return;
  series.byStart ??= new Map(series.minutes.map((delta) => [delta.start, delta]));
  series.byStart.set(minute.start, minute);
}

function addToMinute(series: Series, value: number, at: number, { index, sequence }: Origin): void {
  const start = Math.floor(at / MINUTE) * MINUTE;
  const minute = minuteOf(series, start);
  if (minute !== undefined) {
    add(minute, value, at, sequence);
    minute.lastIndex = index;
    series.recent = minute;
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
    lastSequence: sequence,
    firstIndex: index,
    lastIndex: index,
  };
  keepMinute(series, series.recent);
}

/** The record that is being folded. One object serves a whole batch: it is filled anew for each record. */
interface RecordFold extends Origin {
  fold: Fold;
  arrivedAt: number;
  limits: TimeLimits;
  /** The device that published the record over MQTT. */
  sender: string | undefined;
}

function foldReading(candidate: unknown, context: RecordFold): void {
  const { fold } = context;
  const at = judgeReading(candidate, context.arrivedAt, context.limits);
  if (typeof at === "string") {
    fold.invalid++;
    return;
  }
  const reading = candidate as Reading;
  if (senderProblem(reading.deviceId, context.sender) !== undefined) {
    fold.invalid++;
    return;
  }
  addToMinute(seriesOf(fold, reading.deviceId, reading.metric), reading.value, at, context);
  fold.readings++;
  fold.measuredAt.push(at);
  if (reading.correlationId !== undefined) fold.correlationIds.add(reading.correlationId);
}

function foldReadings(payload: unknown, context: RecordFold): void {
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

function foldPublished(envelope: Envelope, context: RecordFold): void {
  context.sender = senderOf(envelope);
  foldReadings(parsePayload(envelope.payload), context);
}

function foldRecord(record: KinesisStreamRecord, context: RecordFold): void {
  context.sender = undefined;
  try {
    const payload = parsePayload(record.kinesis.data);
    const envelope = asEnvelope(payload);
    if (envelope === undefined) foldReadings(payload, context);
    else foldPublished(envelope, context);
  } catch (error) {
    if (!(error instanceof PayloadError)) throw error;
    context.fold.invalid++;
  }
}

function mergeDelta(whole: Delta, part: Delta): void {
  mergeInto(whole, part);
  whole.firstIndex = Math.min(whole.firstIndex, part.firstIndex);
  whole.lastIndex = Math.max(whole.lastIndex, part.lastIndex);
}

function rollUp(parts: Delta[], resolution: Resolution, length: number): Delta[] {
  const [only] = parts;
  if (only !== undefined && parts.length === 1) {
    return [{ ...only, resolution, start: Math.floor(only.start / length) * length }];
  }
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
  const { series: devices, ...rest } = fold;
  const folded: Folded = { deltas: [], latest: [], ...rest };
  for (const metrics of devices.values()) {
    for (const series of metrics.values()) {
      const { minutes } = series;
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
  const fold: Fold = {
    series: new Map(),
    readings: 0,
    invalid: 0,
    measuredAt: [],
    correlationIds: new CorrelationIds(),
  };
  const context: RecordFold = { fold, limits, index: 0, sequence: "", arrivedAt: 0, sender: undefined };
  for (let index = 0; index < records.length; index++) {
    const record = records[index] as KinesisStreamRecord;
    context.sequence = padSequence(record.kinesis.sequenceNumber);
    if (context.sequence <= after) continue;
    context.index = index;
    context.arrivedAt = arrivalOf(record);
    foldRecord(record, context);
  }
  return finish(fold);
}
