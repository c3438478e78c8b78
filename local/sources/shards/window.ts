/**
 * Tumbling windows. Pure.
 * Source: https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-windows.html
 */
import type { ShardPlace } from "./record.ts";

/** A tumbling window in progress. */
export interface WindowFrame {
  /** Milliseconds since the epoch, a multiple of the window's length. */
  start: number;
  end: number;
  state: Readonly<Record<string, unknown>>;
}

const isoSeconds = (time: number): string => `${new Date(time).toISOString().slice(0, 19)}Z`;

/** What is added to a batch's event. */
export const toWindowEvent = (
  event: { Records: object[] },
  place: ShardPlace,
  frame: WindowFrame,
  end: { final: boolean; early: boolean },
): object => ({
  ...event,
  window: { start: isoSeconds(frame.start), end: isoSeconds(frame.end) },
  state: frame.state,
  shardId: place.shardId,
  eventSourceARN: place.streamArn,
  isFinalInvokeForWindow: end.final,
  isWindowTerminatedEarly: end.early,
});

/** The window that a record belongs to: boundaries are multiples of the length since the epoch. */
export const windowOf = (arrival: number, seconds: number): { start: number; end: number } => {
  const length = seconds * 1_000;
  const start = Math.floor(arrival / length) * length;
  return { start, end: start + length };
};
