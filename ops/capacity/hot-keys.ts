/**
 * Partition keys that many writers share: a table scales without end, one key does not. What no graph tells is a table
 * here, by the table's logical name. Pure.
 */
import { deviceIndexPartitions } from "../../functions/shared/keys.ts";
import type { Workload } from "../shared/workload.ts";

export interface HotKeys {
  /** As it is told. */
  key: string;
  /** Values that the writes are spread over. */
  keys: number;
  /** Writes a second over all of them. */
  perSecond: number;
}

/** Devices that an environment of aggregate-readings remembers to be in the index: functions/aggregate-readings/write.ts. */
const REMEMBERED = 20_000;

/**
 * Each batch lists its devices in the index, unless its environment remembers them. Shards and environments are not
 * tied to each other, so that each environment meets the whole fleet in time: of a fleet that is larger than what it
 * remembers, the rest is written again with each batch.
 */
const deviceIndex = ({ load, functions }: Workload): HotKeys => {
  const aggregate = functions.find(({ name }) => name === "telemetry-aggregate-function");
  const batches = aggregate?.invocations ?? 0;
  const seen = Math.min(load.devices / load.everySeconds, batches * load.devices);
  const forgotten = Math.max(0, 1 - REMEMBERED / Math.max(1, load.devices));
  return { key: "#devices#N", keys: deviceIndexPartitions().length, perSecond: seen * forgotten };
};

const BY_TABLE: Record<string, (workload: Workload) => HotKeys> = { "readings-table": deviceIndex };

export const hotKeysOf = (table: string, workload: Workload): HotKeys | undefined =>
  Object.hasOwn(BY_TABLE, table) ? BY_TABLE[table]?.(workload) : undefined;
