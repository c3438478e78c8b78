/** What a stack's settings say of a load, where the graph does not. Pure. */
import type { StackSettings } from "../../local/engine/settings.ts";
import type { Load } from "../shared/load.ts";

/** How many parts an hour of the lake is compacted in: it is in the functions' code, not in their resources. */
const COMPACTION_BUCKETS = "compactionBuckets";

export const knownOf = ({ config, project }: StackSettings): Partial<Load> => {
  const buckets = Number(config[`${project}:${COMPACTION_BUCKETS}`]);
  return Number.isFinite(buckets) && buckets >= 1 ? { compactionBuckets: buckets } : {};
};
