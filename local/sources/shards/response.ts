/**
 * What a function's answer means for its batch. Pure.
 * Source: https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-batchfailurereporting.html
 *
 * Unsettled: an answer that is neither an object nor empty (`"done"`, `[1]`) while partial responses are on. It is
 * taken as a failure, the reading that shows.
 */
import type { ShardRecord } from "./record.ts";

/** `failedFrom` is the index of the first failed record; the batch's size when none failed. */
export interface Verdict {
  failedFrom: number;
  /** A tumbling window's new state. */
  state?: Record<string, unknown>;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isEmpty = (value: unknown): boolean =>
  value === null || value === undefined || value === "" || (Array.isArray(value) && value.length === 0);

/** Index of the lowest failed record; 0, for the whole batch, when an identifier names none of them. */
const lowestFailure = (failures: unknown, records: readonly ShardRecord[]): number => {
  if (isEmpty(failures)) return records.length;
  if (!Array.isArray(failures)) return 0;
  const positions = new Map<unknown, number>(
    records.map(({ sequenceNumber }, index) => [sequenceNumber, index]),
  );
  return failures.reduce<number>(
    (lowest, failure) => Math.min(lowest, (isObject(failure) && positions.get(failure.itemIdentifier)) || 0),
    records.length,
  );
};

/** @param payload the function's result as JSON text */
export const readResponse = (
  payload: string,
  records: readonly ShardRecord[],
  options: { partialResponses: boolean; tumbling: boolean },
): Verdict => {
  const response: unknown = JSON.parse(payload);
  const state = isObject(response) && isObject(response.state) ? response.state : undefined;
  if (options.tumbling && state === undefined) return { failedFrom: 0 };
  if (!options.partialResponses || isEmpty(response)) return { failedFrom: records.length, state };
  if (!isObject(response)) return { failedFrom: 0 };
  return { failedFrom: lowestFailure(response.batchItemFailures, records), state };
};
