import type { Reading } from "../../functions/shared/reading.ts";
import type { Answer, ApiClient } from "./api.ts";
import { type Aggregate, aggregates, bucketOf, type Resolution, sameAggregate } from "./expected.ts";

/** One figure that must be right. */
export interface Check {
  name: string;
  expected: string;
  actual: string;
  ok: boolean;
}

export function check(name: string, expected: string | number, actual: string | number): Check {
  return {
    name,
    expected: String(expected),
    actual: String(actual),
    ok: String(expected) === String(actual),
  };
}

interface Series {
  deviceId: string;
  readings: Reading[];
}

interface Point extends Aggregate {
  start: string;
  mean: number;
}

const DAY = 86_400_000;

/** Every hour and day of every metric against the readings that were sent, and the latest values. */
export async function checkSeries(
  api: ApiClient,
  series: Series[],
): Promise<{ checks: Check[]; hourlyMeans: Map<string, number[]> }> {
  const token = await api.token("telemetry.read");
  const checks: Check[] = [];
  const hourlyMeans = new Map<string, number[]>();
  for (const { deviceId, readings } of series) {
    for (const resolution of ["hour", "day"] as const) {
      const compared = await comparePoints(api, token, { deviceId, readings, resolution });
      checks.push(
        check(`${deviceId}: ${resolution}s that equal the source`, compared.expected, compared.equal),
      );
      if (resolution === "hour")
        for (const [metric, means] of compared.means) hourlyMeans.set(`${deviceId} ${metric}`, means);
    }
    checks.push(await checkLatest(api, token, { deviceId, readings }));
  }
  const listed = await listDevices(api, token);
  const missing = series.filter(({ deviceId }) => !listed.has(deviceId));
  checks.push(check("devices missing from the list", 0, missing.length));
  return { checks, hourlyMeans };
}

const metricsOf = (readings: Reading[]): string[] => [...new Set(readings.map(({ metric }) => metric))];

async function comparePoints(
  api: ApiClient,
  token: string,
  { deviceId, readings, resolution }: Series & { resolution: Resolution },
): Promise<{ expected: number; equal: number; means: Map<string, number[]> }> {
  const result = { expected: 0, equal: 0, means: new Map<string, number[]>() };
  for (const metric of metricsOf(readings)) {
    const wanted = aggregates(readings, metric, resolution);
    const points = await readPoints(api, token, { deviceId, metric, resolution, readings });
    const found = new Map(points.map((point) => [bucketOf(point.start, resolution), point]));
    result.expected += wanted.size;
    result.equal += [...wanted].filter(([bucket, aggregate]) => isSame(found.get(bucket), aggregate)).length;
    // A point that nobody sent is as wrong as one that is missing.
    result.equal -= points.filter((point) => !wanted.has(bucketOf(point.start, resolution))).length;
    result.means.set(
      metric,
      points.map(({ mean }) => mean),
    );
  }
  return result;
}

const isSame = (point: Point | undefined, wanted: Aggregate): boolean =>
  point !== undefined && sameAggregate(point, wanted);

/** All pages of a series. */
async function readPoints(
  api: ApiClient,
  token: string,
  { deviceId, metric, resolution, readings }: Series & { metric: string; resolution: Resolution },
): Promise<Point[]> {
  const times = readings.map(({ at }) => Date.parse(at));
  const from = new Date(Math.floor(Math.min(...times) / DAY) * DAY).toISOString();
  const to = new Date(Math.max(...times) + DAY).toISOString();
  const points: Point[] = [];
  let cursor: string | undefined;
  do {
    const query = new URLSearchParams({ metric, from, to, resolution, ...(cursor ? { cursor } : {}) });
    const { status, body } = await api.get(`/devices/${deviceId}/readings?${query}`, token);
    if (status !== 200)
      throw new Error(`GET /devices/${deviceId}/readings answered ${status}: ${JSON.stringify(body)}`);
    const page = body as { points: Point[]; cursor?: string };
    points.push(...page.points);
    cursor = page.cursor;
  } while (cursor);
  return points;
}

async function checkLatest(api: ApiClient, token: string, { deviceId, readings }: Series): Promise<Check> {
  const { body } = await api.get(`/devices/${deviceId}`, token);
  const { metrics = [] } = body as { metrics?: { metric: string; value: number }[] };
  const wanted = metricsOf(readings)
    .sort()
    .map((metric) => `${metric} ${readings.findLast((reading) => reading.metric === metric)?.value}`);
  const found = metrics.map(({ metric, value }) => `${metric} ${value}`).sort();
  return check(`${deviceId}: latest values`, wanted.join(", "), found.join(", "));
}

async function listDevices(api: ApiClient, token: string): Promise<Set<string>> {
  const devices = new Set<string>();
  let cursor: string | undefined;
  do {
    const { body } = await api.get(`/devices${cursor ? `?cursor=${encodeURIComponent(cursor)}` : ""}`, token);
    const page = body as { devices: { deviceId: string }[]; cursor?: string };
    for (const { deviceId } of page.devices) devices.add(deviceId);
    cursor = page.cursor;
  } while (cursor);
  return devices;
}

/** What bad requests get. */
export async function checkRefusals(api: ApiClient, deviceId: string): Promise<Check[]> {
  const read = await api.token("telemetry.read");
  const write = await api.token("telemetry.write");
  const readings = `/devices/${deviceId}/readings`;
  const old = "metric=wind&resolution=minute&from=2026-01-01T00:00:00Z&to=2026-03-01T00:00:00Z";
  const cases: [string, number, Promise<Answer>][] = [
    ["no token", 401, api.get("/devices")],
    ["a token of nobody's", 401, api.get("/devices", "not.a.token")],
    ["a token for writing, on a read", 403, api.get("/devices", write)],
    ["an unknown device", 404, api.get(`/devices/${deviceId}-unknown`, read)],
    ["an unknown route", 404, api.get("/nowhere", read)],
    ["a bad resolution", 400, api.get(`${readings}?metric=wind&resolution=week`, read)],
    ["a tampered cursor", 400, api.get(`${readings}?metric=wind&cursor=e30.AAAA`, read)],
    ["two months of minutes", 400, api.get(`${readings}?${old}`, read)],
    ["health, without a token", 200, api.get("/health")],
    ["the API's own description", 200, api.get("/openapi.json")],
  ];
  return Promise.all(
    cases.map(async ([name, status, answer]) =>
      check(`${name} gets ${status}`, status, (await answer).status),
    ),
  );
}
