import { open } from "node:fs/promises";
import { createInterface } from "node:readline";
import type { Reading } from "../../functions/shared/reading.ts";

/** Longest line that is read, characters; a Kinesis record holds 1 MiB. */
const LONGEST_LINE = 1_048_576;

/** What a file's line or a device gives: the text of one record, and the key that decides its shard. */
export interface Outgoing {
  partitionKey: string;
  text: string;
}

export const outgoing = (reading: Reading): Outgoing => ({
  partitionKey: reading.deviceId,
  text: JSON.stringify(reading),
});

/**
 * Readings of a file: NDJSON (one reading, or an array of them, per line, sent as it is) or CSV with the columns
 * `deviceId,metric,value,at` in any order.
 * @throws {Error} naming file and line that cannot be sent. What the platform thinks of a reading is its business.
 */
export async function* fromFile(path: string): AsyncGenerator<Outgoing> {
  const file = await open(path).catch((error: NodeJS.ErrnoException) => {
    throw new Error(`"${path}" cannot be read (${error.code}). Name a file of readings with --file.`);
  });
  const lines = createInterface({
    input: file.createReadStream({ encoding: "utf8" }),
    crlfDelay: Number.POSITIVE_INFINITY,
  });
  let columns: string[] | undefined;
  let number = 0;
  for await (const line of lines) {
    number += 1;
    if (line.length > LONGEST_LINE)
      throw new Error(
        `${path}:${number}: line has ${line.length} characters; a record holds ${LONGEST_LINE}.`,
      );
    if (line.trim() === "") continue;
    if (number === 1 && path.endsWith(".csv")) {
      columns = csvColumns(path, line);
      continue;
    }
    yield columns ? fromCsv(`${path}:${number}`, columns, line) : fromJson(line);
  }
}

function csvColumns(path: string, header: string): string[] {
  const columns = header.split(",").map((column) => column.trim());
  const missing = ["deviceId", "metric", "value", "at"].filter((column) => !columns.includes(column));
  if (missing.length === 0) return columns;
  throw new Error(
    `${path}:1: column ${missing.join(", ")} is missing; a CSV needs deviceId,metric,value,at.`,
  );
}

function fromCsv(where: string, columns: string[], line: string): Outgoing {
  const cells = line.split(",");
  if (cells.length !== columns.length) {
    throw new Error(`${where}: ${cells.length} columns; the header has ${columns.length}.`);
  }
  const row = new Map(columns.map((column, index) => [column, cells[index]?.trim() ?? ""]));
  const reading = Object.fromEntries(row) as Record<string, unknown>;
  reading.value = Number(row.get("value"));
  return { partitionKey: row.get("deviceId") || "unknown", text: JSON.stringify(reading) };
}

/** A line goes out as it is, malformed or not: the stream's consumers judge it. */
function fromJson(line: string): Outgoing {
  const device = /"deviceId"\s*:\s*"([^"]{1,128})"/.exec(line)?.[1];
  return { partitionKey: device ?? "unknown", text: line };
}

export interface FleetOptions {
  devices: number;
  /** Milliseconds between two readings of one device. */
  every: number;
  /** Readings in all. */
  count: number;
  /** Epoch milliseconds of the first reading. */
  start: number;
  random: () => number;
}

/** A simulated fleet: every device reports a temperature that drifts slowly around its own mean. */
export function* fleet({
  devices,
  every,
  count,
  start,
  random,
}: FleetOptions): Generator<Outgoing & { at: number }> {
  const state = Array.from({ length: devices }, () => 10 + 15 * random());
  for (let index = 0; index < count; index += 1) {
    const device = index % devices;
    const at = start + Math.floor(index / devices) * every + Math.floor((device / devices) * every);
    const value = (state[device] ?? 0) + (random() - 0.5) / 10;
    state[device] = value;
    const deviceId = `device-${String(device).padStart(6, "0")}`;
    const reading = {
      deviceId,
      metric: "temperature",
      value: Math.round(value * 100) / 100,
      at: new Date(at).toISOString(),
    };
    yield { ...outgoing(reading), at };
  }
}
