/**
 * PutLogEvents' own rules. Pure.
 * Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
 */
import { serializationError } from "./faults.ts";
import { invalid } from "./logs-input.ts";
import { EVENT_OVERHEAD, type LogEntry } from "./logs-store.ts";

const MOST_EVENTS = 10_000;
const MOST_BYTES = 1_048_576;
const DAY_MS = 86_400_000;
const LATEST_AHEAD_MS = 7_200_000;
const OLDEST_DAYS = 14;

/** What is taken, and the indexes of what is not. */
export interface JudgedEntries {
  entries: LogEntry[];
  rejected?: {
    tooNewLogEventStartIndex?: number;
    tooOldLogEventEndIndex?: number;
    expiredLogEventEndIndex?: number;
  };
}

const entryOf = (value: unknown): LogEntry => {
  const { timestamp, message } = (value ?? {}) as { timestamp?: unknown; message?: unknown };
  if (typeof timestamp !== "number" || typeof message !== "string")
    throw serializationError("A log event needs a timestamp (number) and a message (string).");
  if (timestamp < 0 || !Number.isInteger(timestamp)) throw invalid("Log event timestamp is invalid.");
  if (message === "") throw invalid("Log event message must have a length of 1 or more.");
  return { timestamp, message };
};

/** @throws ServiceError when the batch as a whole is wrong */
const readBatch = (events: unknown): LogEntry[] => {
  if (!Array.isArray(events) || events.length === 0 || events.length > MOST_EVENTS)
    throw invalid(`logEvents must be a list of 1 to ${MOST_EVENTS} events.`);
  const entries = events.map(entryOf);
  const bytes = entries.reduce((sum, { message }) => sum + Buffer.byteLength(message) + EVENT_OVERHEAD, 0);
  if (bytes > MOST_BYTES) throw invalid(`Upload too large: ${bytes} bytes exceeds limit of ${MOST_BYTES}`);
  if (entries.some(({ timestamp }, index) => timestamp < (entries[index - 1]?.timestamp ?? 0)))
    throw invalid("Log events in a single PutLogEvents request must be in chronological order.");
  const span = (entries.at(-1)?.timestamp ?? 0) - (entries[0]?.timestamp ?? 0);
  if (span > DAY_MS)
    throw invalid("The batch of log events in a single PutLogEvents request cannot span more than 24 hours.");
  return entries;
};

/** @param retentionDays of the group, when it has one */
export const judgeEntries = (events: unknown, now: number, retentionDays = 0): JudgedEntries => {
  const batch = readBatch(events);
  const days = retentionDays > 0 ? Math.min(retentionDays, OLDEST_DAYS) : OLDEST_DAYS;
  const oldest = now - days * DAY_MS;
  const tooOld = batch.filter(({ timestamp }) => timestamp < oldest).length;
  const inTime = batch.filter(({ timestamp }) => timestamp <= now + LATEST_AHEAD_MS).length;
  const old = days < OLDEST_DAYS ? "expiredLogEventEndIndex" : "tooOldLogEventEndIndex";
  const rejected = {
    ...(tooOld > 0 ? { [old]: tooOld - 1 } : {}),
    ...(inTime < batch.length ? { tooNewLogEventStartIndex: inTime } : {}),
  };
  const entries = batch.slice(tooOld, inTime);
  return Object.keys(rejected).length === 0 ? { entries } : { entries, rejected };
};
