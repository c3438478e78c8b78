/**
 * A batch of stream records as the lake's objects: what is written where, decided without I/O, so that the same
 * batch always gives the same keys and bytes.
 *
 * Every line carries its shard, sequence number and index in the record: a batch that is delivered again in other
 * cuts writes some lines twice, and compaction drops them by these three.
 */
import type { KinesisStreamRecord } from "aws-lambda";
import {
  arrayProblem,
  arrivalOf,
  groupByShard,
  PayloadError,
  parseText,
  payloadText,
} from "../shared/batch.ts";
import { asCorrelationId, CorrelationIds } from "../shared/correlation.ts";
import { asEnvelope, type Envelope, senderOf, senderProblem } from "../shared/envelope.ts";
import { formatInstant } from "../shared/instant.ts";
import { judgeReading, type Reading, type TimeLimits } from "../shared/reading.ts";
import { elementTexts } from "./elements.ts";

/** One object to be written. */
export interface LakeObject {
  key: string;
  /** NDJSON, every line ended. */
  text: string;
  lines: number;
  /** Of the readings in it. */
  correlationIds: CorrelationIds;
}

export interface Archive {
  /** Valid readings under `raw/`, to be compressed. */
  raw: LakeObject[];
  /** What could not be taken, under `quarantine/`. */
  quarantine: LakeObject[];
}

/** Where a reading came from: part of every line. */
interface Origin {
  arrivedAt: string;
  shard: string;
  sequence: string;
  /** When the broker got it, for what came over MQTT. */
  receivedAt?: string;
}

interface Lines {
  valid: string[];
  refused: string[];
}

/** The readings' correlation ids, by what became of them. */
interface Ids {
  valid: CorrelationIds;
  refused: CorrelationIds;
}

function validLine(reading: Reading, { origin, ids }: Judge, index: number): string {
  ids.valid.add(reading.correlationId);
  const { deviceId, metric, value, at, eventId, correlationId } = reading;
  return JSON.stringify({ deviceId, metric, value, at, eventId, correlationId, ...origin, index });
}

/** @param index in the record's array; null for the record as a whole. */
function refusedLine(
  reason: string,
  { origin, topic }: Judge,
  { index, data }: { index: number | null; data: string },
): string {
  return JSON.stringify({ reason, ...origin, topic, index, data });
}

/** Base64 of a text with one character per byte. */
function toBase64(bytes: string): string {
  return Buffer.from(bytes, "latin1").toString("base64");
}

interface Judge {
  ids: Ids;
  origin: Origin;
  arrivedAt: number;
  limits: TimeLimits;
  /** The device that published it over MQTT, and where. */
  sender?: string;
  topic?: string;
}

/** @returns why it is none of the sender's readings; undefined when it is one. */
function problemOf(candidate: unknown, { arrivedAt, limits, sender, ids }: Judge): string | undefined {
  const at = judgeReading(candidate, arrivedAt, limits);
  const problem = typeof at === "string" ? at : senderProblem((candidate as Reading).deviceId, sender);
  if (problem !== undefined)
    ids.refused.add(asCorrelationId((candidate as Partial<Reading> | null | undefined)?.correlationId));
  return problem;
}

function judgeArray(readings: unknown[], text: string, judge: Judge): Lines {
  const lines: Lines = { valid: [], refused: [] };
  let texts: string[] | undefined;
  for (const [index, candidate] of readings.entries()) {
    const problem = problemOf(candidate, judge);
    if (problem === undefined) {
      lines.valid.push(validLine(candidate as Reading, judge, index));
      continue;
    }
    texts ??= elementTexts(text);
    lines.refused.push(refusedLine(problem, judge, { index, data: toBase64(texts[index] ?? "") }));
  }
  return lines;
}

/** @param payload one reading or an array of them. */
function judgeReadings(payload: unknown, text: string, judge: Judge): Lines {
  if (Array.isArray(payload)) {
    const problem = arrayProblem(payload);
    if (problem === undefined) return judgeArray(payload, text, judge);
    throw new PayloadError(problem);
  }
  const problem = problemOf(payload, judge);
  if (problem !== undefined) throw new PayloadError(problem);
  return { valid: [validLine(payload as Reading, judge, 0)], refused: [] };
}

/** What cannot be taken as a whole is a line of its own, with the bytes as they were sent. */
function refusing(judge: Judge, data: string, work: () => Lines): Lines {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof PayloadError)) throw error;
    return { valid: [], refused: [refusedLine(error.message, judge, { index: null, data })] };
  }
}

function judgePublished(envelope: Envelope, judge: Judge): Lines {
  const { topic, payload, receivedAt } = envelope;
  const origin = { ...judge.origin, receivedAt: formatInstant(receivedAt) };
  return refusing({ ...judge, origin, topic }, payload, () => {
    const text = payloadText(payload);
    return judgeReadings(parseText(text), text, { ...judge, origin, topic, sender: senderOf(envelope) });
  });
}

function judgeRecord(data: string, judge: Judge): Lines {
  return refusing(judge, data, () => {
    const text = payloadText(data);
    const payload = parseText(text);
    const envelope = asEnvelope(payload);
    return envelope === undefined ? judgeReadings(payload, text, judge) : judgePublished(envelope, judge);
  });
}

/** `dt=2026-01-31/hour=12` of an arrival. */
function partition(arrivedAt: number): string {
  const text = formatInstant(arrivedAt);
  return `dt=${text.slice(0, 10)}/hour=${text.slice(11, 13)}`;
}

function groupByHour(records: KinesisStreamRecord[]): Map<string, KinesisStreamRecord[]> {
  const groups = new Map<string, KinesisStreamRecord[]>();
  for (const record of records) {
    const hour = partition(arrivalOf(record));
    const group = groups.get(hour);
    if (group === undefined) groups.set(hour, [record]);
    else group.push(record);
  }
  return groups;
}

function objectOf(key: string, lines: string[], correlationIds: CorrelationIds): LakeObject[] {
  if (lines.length === 0) return [];
  return [{ key, text: `${lines.join("\n")}\n`, lines: lines.length, correlationIds }];
}

function archiveHour(shard: string, records: KinesisStreamRecord[], limits: TimeLimits): Archive {
  const lines: Lines = { valid: [], refused: [] };
  const ids: Ids = { valid: new CorrelationIds(), refused: new CorrelationIds() };
  for (const record of records) {
    const arrivedAt = arrivalOf(record);
    const sequence = record.kinesis.sequenceNumber;
    const origin = { arrivedAt: formatInstant(arrivedAt), shard, sequence };
    const judged = judgeRecord(record.kinesis.data, { origin, arrivedAt, limits, ids });
    lines.valid.push(...judged.valid);
    lines.refused.push(...judged.refused);
  }
  const first = records[0] as KinesisStreamRecord;
  const range = `${shard}-${first.kinesis.sequenceNumber}-${records.at(-1)?.kinesis.sequenceNumber}`;
  const path = `${partition(arrivalOf(first))}/${range}`;
  return {
    raw: objectOf(`raw/${path}.ndjson.zst`, lines.valid, ids.valid),
    quarantine: objectOf(`quarantine/${path}.ndjson`, lines.refused, ids.refused),
  };
}

/** The objects of a batch: at most one of each kind for each shard and hour of arrival. */
export function archiveRecords(records: KinesisStreamRecord[], limits: TimeLimits): Archive {
  const archive: Archive = { raw: [], quarantine: [] };
  for (const [shard, shardRecords] of groupByShard(records)) {
    for (const hourRecords of groupByHour(shardRecords).values()) {
      const { raw, quarantine } = archiveHour(shard, hourRecords, limits);
      archive.raw.push(...raw);
      archive.quarantine.push(...quarantine);
    }
  }
  return archive;
}
