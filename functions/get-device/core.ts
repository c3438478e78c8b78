/** A device's latest readings from its items. Pure. */
import { type Item, readNumber, readText } from "../shared/attributes.ts";
import { hasShape } from "../shared/cached-page.ts";
import { formatInstant } from "../shared/instant.ts";
import { metricOfLatestKey } from "../shared/keys.ts";

export interface LatestReading {
  metric: string;
  value: number;
  /** ISO-8601 UTC. */
  at: string;
}

export function toLatestReading(item: Item): LatestReading {
  return {
    metric: metricOfLatestKey(readText(item, "sk")),
    value: readNumber(item, "value"),
    at: formatInstant(readNumber(item, "at")),
  };
}

export const isLatestReading = (value: unknown): value is LatestReading =>
  hasShape<LatestReading>(value, { metric: "string", value: "number", at: "string" });
