/** Aggregates and latest readings to and from the table's items. Pure. */
import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { type Item, keyItem, numberValue, readNumber, readText } from "../shared/attributes.ts";
import { bucketKey, expiryOf, latestKey, seriesKey, type TableKey } from "../shared/keys.ts";
import type { Delta, Latest } from "./core.ts";
import { type Aggregate, SMALLEST } from "./summary.ts";

/** The key of the aggregate that a delta belongs to. */
export function keyOf(delta: Pick<Delta, "deviceId" | "metric" | "resolution" | "start">): TableKey {
  return { pk: seriesKey(delta.deviceId, delta.metric), sk: bucketKey(delta.resolution, delta.start) };
}

export function toItem(delta: Delta, aggregate: Aggregate): Item {
  const item: Item = {
    ...keyItem(keyOf(delta)),
    count: numberValue(aggregate.count),
    sum: numberValue(aggregate.sum),
    min: numberValue(aggregate.min),
    max: numberValue(aggregate.max),
    last: numberValue(aggregate.last),
    lastAt: numberValue(aggregate.lastAt),
    lastSequence: { S: aggregate.lastSequence },
    applied: { M: toMap(aggregate.applied) },
  };
  if (aggregate.sumLow !== 0) item.sumLow = numberValue(aggregate.sumLow);
  const expiresAt = expiryOf(delta.resolution, delta.start);
  if (expiresAt !== undefined) item.expiresAt = numberValue(expiresAt);
  return item;
}

function toMap(applied: ReadonlyMap<string, string>): Record<string, AttributeValue> {
  return Object.fromEntries([...applied].map(([shard, sequence]) => [shard, { S: sequence }]));
}

export function fromItem(item: Item): Aggregate {
  const applied = new Map<string, string>();
  for (const [shard, value] of Object.entries(item.applied?.M ?? {})) applied.set(shard, value.S ?? "");
  return {
    count: readNumber(item, "count"),
    sum: readNumber(item, "sum"),
    sumLow: readNumber(item, "sumLow"),
    min: readNumber(item, "min"),
    max: readNumber(item, "max"),
    last: readNumber(item, "last"),
    lastAt: readNumber(item, "lastAt"),
    lastSequence: readText(item, "lastSequence"),
    applied,
  };
}

export function toLatestItem(latest: Latest): Item {
  return {
    ...keyItem(latestKey(latest.deviceId, latest.metric)),
    value: numberValue(Math.abs(latest.value) < SMALLEST ? 0 : latest.value),
    at: numberValue(latest.at),
    sequence: { S: latest.sequence },
  };
}
