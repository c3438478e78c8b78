/** Merges the device index's partitions into one page. Pure. */
import type { Page } from "../shared/query.ts";

/** The first `limit` of all partitions' devices, by id. Every partition's page has `limit` of its own or all it has. */
export function mergeDevices(partitions: Page<string>[], limit: number): Page<string> {
  const ids = partitions.flatMap(({ entries }) => entries).sort();
  const more = ids.length > limit || partitions.some((partition) => partition.more);
  return { entries: ids.slice(0, limit), more };
}
