/**
 * An hour of 500,000 raw readings to sorted, deduplicated Parquet, beside DuckDB on one thread with the same zstd level
 * and row-group size; and what four times as many readings do to the peak of memory. Every run is a process of its own.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Bench, type BenchReport, type Harness, median } from "../shared/harness.ts";
import { writeHour } from "./input.ts";

const READINGS = 500_000;
const MORE = 4;
const ROUNDS = 3;

interface Result {
  ms: number;
  bytes: number;
  peakMb: number;
}

function runOnce(script: string, directory: string, target: string): Result {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const { stdout, stderr, status } = spawnSync(process.execPath, [path, directory, target], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`${script} failed: ${stderr}`);
  return JSON.parse(stdout) as Result;
}

async function run(harness: Harness): Promise<BenchReport> {
  const root = mkdtempSync(join(tmpdir(), "compaction-"));
  try {
    harness.progress(`  writing ${READINGS * (1 + MORE)} raw readings`);
    const [hour, larger] = [join(root, "hour"), join(root, "larger")];
    writeHour(hour, READINGS);
    writeHour(larger, READINGS * MORE);
    const rounds = Array.from({ length: ROUNDS }, () => {
      const [ours, theirs] = [runOnce("run.ts", hour, root), runOnce("duckdb.ts", hour, root)];
      return { ours, theirs };
    });
    const large = runOnce("run.ts", larger, root);
    const bytes = rounds.map(({ ours, theirs }) => ours.bytes / theirs.bytes);
    const peak = median(rounds.map(({ ours }) => ours.peakMb));
    return {
      figures: [
        {
          name: "compact-lake core, 500,000 readings",
          value: median(rounds.map(({ ours }) => ours.ms)),
          unit: "ms",
        },
        { name: "DuckDB, one thread", value: median(rounds.map(({ theirs }) => theirs.ms)), unit: "ms" },
        {
          name: "time against DuckDB",
          value: median(rounds.map(({ ours, theirs }) => ours.ms / theirs.ms)),
          unit: "x",
          target: { at: "most", value: 2 },
        },
        { name: "bytes against DuckDB", value: median(bytes), unit: "x", target: { at: "most", value: 1.1 } },
        { name: "peak memory, 500,000 readings", value: peak, unit: "MB" },
        { name: "peak memory, 2,000,000 readings", value: large.peakMb, unit: "MB" },
        {
          name: "peak of four times the readings",
          value: large.peakMb / peak,
          unit: "x",
          target: { at: "most", value: 1.2 },
        },
      ],
    };
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

export const bench: Bench = { name: "compaction", run };
