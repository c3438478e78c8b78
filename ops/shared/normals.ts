/**
 * The sample's hourly climate normals, replayed as readings of the days that end now: "what the weather normally
 * is now". The file holds one row per hour of a year in local standard time (UTC-8), written as 2010; it starts at
 * 01:00 on 1 January and has no 29 February (see samples/SOURCES.md), so those hours have no reading.
 */

import type { Reading } from "../../functions/shared/reading.ts";

const METRICS = ["pressure", "temperature", "wind"] as const;
const HOUR = 3_600_000;
const UTC_OFFSET = -8 * HOUR;

type Row = Record<(typeof METRICS)[number], number>;

/** Rows by `MM-DDTHH`, local standard time. */
export type Normals = Map<string, Row>;

/**
 * Reads the sample's CSV.
 * @throws {Error} naming the line that is not `date,pressure,temperature,wind`.
 */
export function parseNormals(csv: string): Normals {
  const [header, ...lines] = csv.trimEnd().split(/\r?\n/);
  if (header !== "date,pressure,temperature,wind") {
    throw new Error(`Line 1 is ${JSON.stringify(header)}; it must be date,pressure,temperature,wind.`);
  }
  return new Map(lines.map((line, index) => parseRow(line, index + 2)));
}

function parseRow(line: string, number: number): [string, Row] {
  const match = /^\d{4}-(\d\d-\d\dT\d\d):00:00,([^,]+),([^,]+),([^,]+)$/.exec(line);
  const values = match?.slice(2).map(Number) ?? [];
  if (!match?.[1] || values.length !== 3 || !values.every(Number.isFinite)) {
    throw new Error(`Line ${number} is ${JSON.stringify(line)}; it must be date,pressure,temperature,wind.`);
  }
  const [pressure = 0, temperature = 0, wind = 0] = values;
  return [match[1], { pressure, temperature, wind }];
}

export interface ReplayOptions {
  deviceId: string;
  /** The last hour is the one that began before this moment, epoch milliseconds. */
  until: number;
  hours: number;
}

/** One reading per metric and hour, oldest first. */
export function* replay(normals: Normals, { deviceId, until, hours }: ReplayOptions): Generator<Reading> {
  const last = Math.floor(until / HOUR) * HOUR;
  for (let at = last - (hours - 1) * HOUR; at <= last; at += HOUR) {
    const local = new Date(at + UTC_OFFSET).toISOString().slice(5, 13);
    const row = normals.get(local);
    if (!row) continue;
    const time = new Date(at).toISOString();
    for (const metric of METRICS) {
      yield { deviceId, metric, value: row[metric], at: time, eventId: `${deviceId}-${metric}-${time}` };
    }
  }
}
