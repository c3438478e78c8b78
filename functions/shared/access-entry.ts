/** A line of the lake's `logs/`: one HTTP request, from whatever access log it came. */
export interface AccessEntry {
  /** ISO 8601, UTC. */
  at: string;
  /** Null where the log has none, e.g. for a request that could not be read. */
  method: string | null;
  path: string | null;
  protocol: string | null;
  /** 100-599. */
  status: number;
  /** Of the answer's body; null when unknown. */
  bytes: number | null;
  /** Milliseconds from the request to the answer; null where the log has none. */
  latencyMs: number | null;
  ip: string | null;
  userAgent: string | null;
  referrer: string | null;
  requestId: string | null;
  routeKey: string | null;
  clientId: string | null;
}

/** Where a line came from: with these it is found again, and told from others. */
export type LineOrigin =
  | { logGroup: string; logStream: string; eventId: string }
  | { bucket: string; key: string; eTag: string /** From 1. */; line: number };
