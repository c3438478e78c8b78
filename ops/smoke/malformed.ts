/**
 * Records that the platform must refuse without harm to their neighbours, each with what makes it bad. `mark` is
 * part of every one of them, so that a shared stack's quarantine can be searched for this run's.
 */
export interface Malformed {
  why: string;
  text: string;
}

const DAY = 86_400_000;

export function malformed(mark: string, now: number): Malformed[] {
  const reading = (changes: object): string =>
    JSON.stringify({
      deviceId: mark,
      metric: "temperature",
      value: 1,
      at: new Date(now).toISOString(),
      ...changes,
    });
  return [
    { why: "not JSON", text: `{"deviceId":"${mark}", oops` },
    { why: "wrong shape", text: reading({ value: "warm" }) },
    { why: "not finite", text: reading({}).replace('"value":1', '"value":1e999') },
    { why: "beyond 1e15", text: reading({ value: 2e15 }) },
    { why: "older than 31 days", text: reading({ at: new Date(now - 400 * DAY).toISOString() }) },
    { why: "more than a day ahead", text: reading({ at: new Date(now + 2 * DAY).toISOString() }) },
    { why: "a __proto__ key", text: reading({}).replace("{", '{"__proto__":{"admin":true},') },
  ];
}
