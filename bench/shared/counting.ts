/** How a benchmark's client sees that readings are queryable. */

const HOUR = 3_600_000;

export interface Question {
  /** Loopback address of the API. */
  apiUrl: string;
  token: string;
  deviceId: string;
  metric: string;
  /** Epoch milliseconds; an hour before and after are counted. */
  around: number;
}

/** Readings counted so far, as the API answers. @throws when it answers with an error */
export async function countOf({ apiUrl, token, deviceId, metric, around }: Question): Promise<number> {
  const query = new URLSearchParams({
    metric,
    resolution: "day",
    from: new Date(around - HOUR).toISOString(),
    to: new Date(around + HOUR).toISOString(),
  });
  const response = await fetch(`${apiUrl}/devices/${deviceId}/readings?${query}`, {
    headers: { authorization: `Bearer ${token}` },
  });
  const text = await response.text();
  if (response.status === 404) return 0;
  if (!response.ok) throw new Error(`The API answered ${response.status}: ${text}`);
  const { points } = JSON.parse(text) as { points: { count: number }[] };
  return points.reduce((sum, { count }) => sum + count, 0);
}
