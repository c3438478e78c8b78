/**
 * The event that a subscription filter hands to a function. Pure.
 * Source: https://docs.aws.amazon.com/lambda/latest/dg/services-cloudwatchlogs.html
 */
import { gzipSync } from "node:zlib";
import type { LogEvent } from "../../services/logs-store.ts";

export interface LogPlace {
  /** Account that the group belongs to. */
  owner: string;
  logGroup: string;
  logStream: string;
  /** Name of the filter. */
  subscriptionFilter: string;
}

/** What is packed into the event. */
export const toData = (events: readonly LogEvent[], place: LogPlace): object => ({
  messageType: "DATA_MESSAGE",
  owner: place.owner,
  logGroup: place.logGroup,
  logStream: place.logStream,
  subscriptionFilters: [place.subscriptionFilter],
  logEvents: events.map(({ id, timestamp, message }) => ({ id, timestamp, message })),
});

export const toEvent = (events: readonly LogEvent[], place: LogPlace): { awslogs: { data: string } } => ({
  awslogs: { data: gzipSync(JSON.stringify(toData(events, place))).toString("base64") },
});
