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
import { formatInstant } from "../shared/instant.ts";
import { judgeReading, type Reading, type TimeLimits } from "../shared/reading.ts";
import { elementTexts } from "./elements.ts";

/** One object to be written. */
export interface LakeObject {
  key: string;
  /** NDJSON, every line ended. */
  text: string;
  lines: number;
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
}

interface Lines {
  valid: string[];
  refused: string[];
}

function validLine(reading: Reading, origin: Origin, index: number): string {
  const { deviceId, metric, value, at, eventId, correlationId } = reading;
  return JSON.stringify({ deviceId, metric, value, at, eventId, correlationId, ...origin, index });
}

/** @param index in the record's array; null for the record as a whole. */
function refusedLine(
  reason: string,
  origin: Origin,
  { index, data }: { index: number | null; data: string },
): string {
  return JSON.stringify({ reason, ...origin, index, data });
}

/** Base64 of a text with one character per byte. */
function toBase64(bytes: string): string {
  return Buffer.from(bytes, "latin1").toString("base64");
}

interface Judge {
  origin: Origin;
  arrivedAt: number;
  limits: TimeLimits;
}

function judgeArray(readings: unknown[], text: string, judge: Judge): Lines {
  const lines: Lines = { valid: [], refused: [] };
  let texts: string[] | undefined;
  for (const [index, candidate] of readings.entries()) {
    const at = judgeReading(candidate, judge.arrivedAt, judge.limits);
    if (typeof at === "number") {
      lines.valid.push(validLine(candidate as Reading, judge.origin, index));
      continue;
    }
    texts ??= elementTexts(text);
    lines.refused.push(refusedLine(at, judge.origin, { index, data: toBase64(texts[index] ?? "") }));
  }
  return lines;
}

function judgeRecord(data: string, judge: Judge): Lines {
  const refuse = (reason: string): Lines => ({
    valid: [],
    refused: [refusedLine(reason, judge.origin, { index: null, data })],
  });
  try {
    const text = payloadText(data);
    const payload = parseText(text);
    if (!Array.isArray(payload)) {
      const at = judgeReading(payload, judge.arrivedAt, judge.limits);
      return typeof at === "string"
        ? refuse(at)
        : { valid: [validLine(payload as Reading, judge.origin, 0)], refused: [] };
    }
    const problem = arrayProblem(payload);
    return problem === undefined ? judgeArray(payload, text, judge) : refuse(problem);
  } catch (error) {
    if (error instanceof PayloadError) return refuse(error.message);
    throw error;
  }
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

function objectOf(key: string, lines: string[]): LakeObject[] {
  return lines.length === 0 ? [] : [{ key, text: `${lines.join("\n")}\n`, lines: lines.length }];
}

function archiveHour(shard: string, records: KinesisStreamRecord[], limits: TimeLimits): Archive {
  const lines: Lines = { valid: [], refused: [] };
  for (const record of records) {
    const arrivedAt = arrivalOf(record);
    const sequence = record.kinesis.sequenceNumber;
    const origin = { arrivedAt: formatInstant(arrivedAt), shard, sequence };
    const judged = judgeRecord(record.kinesis.data, { origin, arrivedAt, limits });
    lines.valid.push(...judged.valid);
    lines.refused.push(...judged.refused);
  }
  const first = records[0] as KinesisStreamRecord;
  const range = `${shard}-${first.kinesis.sequenceNumber}-${records.at(-1)?.kinesis.sequenceNumber}`;
  const path = `${partition(arrivalOf(first))}/${range}`;
  return {
    raw: objectOf(`raw/${path}.ndjson.zst`, lines.valid),
    quarantine: objectOf(`quarantine/${path}.ndjson`, lines.refused),
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
