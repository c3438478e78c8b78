/** Pages of log events, as GetLogEvents and FilterLogEvents cut them. Pure. */
import type { LogEvent } from "./logs-store.ts";

/** Both operations end a page here. */
export const MOST_EVENTS = 10_000;
const PAGE_BYTES = 1_048_576;

const byId = (a: LogEvent, b: LogEvent): number => (a.id < b.id ? -1 : 1);

/** In the order of time. */
export const sorted = (events: Iterable<LogEvent>): LogEvent[] => [...events].sort(byId);

/** How many of the events fit a page, from the first on; at least one. */
export const pageLength = (events: readonly LogEvent[], limit: number): number => {
  let bytes = 0;
  for (const [index, { message }] of events.entries()) {
    bytes += message.length;
    if (index === limit || (index > 0 && bytes > PAGE_BYTES)) return index;
  }
  return events.length;
};

/** One page of a stream, and where the neighbouring ones are. */
export interface StreamPage {
  events: LogEvent[];
  nextForwardToken: string;
  nextBackwardToken: string;
}

const TOKEN = /^([fb])\/(\d{56})$/;
const NOTHING = "0".repeat(56);

/** Undefined for a token that is none. */
export const readToken = (token: string): { forward: boolean; id: string } | undefined => {
  const [, direction, id = ""] = TOKEN.exec(token) ?? [];
  return direction === undefined ? undefined : { forward: direction === "f", id };
};

/** The last page, unless it starts at the head or goes on from a token. At an end the token stays the same. */
export const streamPage = (
  events: readonly LogEvent[],
  { limit, head, from }: { limit: number; head: boolean; from: { forward: boolean; id: string } | undefined },
): StreamPage => {
  const forward = from?.forward ?? head;
  const candidates = from
    ? events.filter(({ id }) => (from.forward ? id > from.id : id < from.id))
    : [...events];
  const ordered = forward ? candidates : candidates.reverse();
  const page = ordered.slice(0, pageLength(ordered, limit));
  const inOrder = forward ? page : page.reverse();
  const edge = from?.id ?? NOTHING;
  return {
    events: inOrder,
    nextForwardToken: `f/${inOrder.at(-1)?.id ?? edge}`,
    nextBackwardToken: `b/${inOrder[0]?.id ?? edge}`,
  };
};
