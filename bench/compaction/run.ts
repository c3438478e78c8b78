/** One compaction in a process of its own, so that its peak memory is its own. Prints milliseconds, bytes and peak MB. */
import { closeSync, openSync, readdirSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { Compaction } from "../../functions/compact-lake/core.ts";
import { dayName } from "../../functions/shared/lake/layout.ts";
import { HOUR_START } from "./input.ts";

const [directory = "", target = ""] = process.argv.slice(2);
const start = performance.now();
const compaction = new Compaction({ hourStart: HOUR_START, bucket: 0, buckets: 1 }, join(target, "runs"));
for (const name of readdirSync(directory).sort()) compaction.addObject(readFileSync(join(directory, name)));
let bytes = 0;
compaction.finish((day) => {
  const file = openSync(join(target, `ours-${dayName(day)}.parquet`), "w");
  const sink = (part: Uint8Array): void => {
    bytes += writeSync(file, part);
  };
  return { day, sink, finish: () => closeSync(file) };
});
const ms = performance.now() - start;
const { rows } = compaction.counts;
console.log(JSON.stringify({ ms, bytes, rows, peakMb: process.resourceUsage().maxRSS / 1024 }));
