/** An hour of raw objects as archive-readings writes them. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { zstdCompressSync } from "node:zlib";

export const HOUR_START = Date.UTC(2026, 0, 31, 12);
const HOUR = 3_600_000;
const LINES = 5_000;
const DEVICES = 2_000;
const METRICS = ["temperature", "pressure", "wind"];

/** Numbers from 0 to 1, the same on every run. */
function generator(): () => number {
  let state = 1;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Writes `count` readings, half of them with an event id, in objects of 5,000 lines. */
export function writeHour(directory: string, count: number): void {
  mkdirSync(directory, { recursive: true });
  const random = generator();
  let lines: string[] = [];
  for (let index = 0; index < count; index++) {
    const arrived = HOUR_START + Math.floor((index / count) * HOUR);
    lines.push(
      JSON.stringify({
        deviceId: `station-${String(Math.floor(random() * DEVICES)).padStart(5, "0")}`,
        metric: METRICS[index % METRICS.length],
        value: Math.round(random() * 10_000) / 100,
        at: new Date(arrived - Math.floor(random() * 5_000)).toISOString(),
        eventId:
          index % 2 ? `event-${index.toString(36)}-${Math.floor(random() * 1e9).toString(36)}` : undefined,
        arrivedAt: new Date(arrived).toISOString(),
        shard: `shardId-00000000000${index % 4}`,
        sequence: `4966${String(arrived).padStart(30, "0")}${String(index * 7919).padStart(22, "0")}`,
        index: 0,
      }),
    );
    if (lines.length < LINES && index < count - 1) continue;
    const name = `${String(Math.floor(index / LINES)).padStart(5, "0")}.ndjson.zst`;
    writeFileSync(join(directory, name), zstdCompressSync(`${lines.join("\n")}\n`));
    lines = [];
  }
}
