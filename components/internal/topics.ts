/**
 * MQTT topic filters with a device in them, and the rule that forwards what is published there. Pure.
 * Source: https://docs.aws.amazon.com/general/latest/gr/iot-core.html#message-broker-limits
 */
import { argumentError, type Culprit } from "./arguments.ts";

const MOST_SLASHES = 7;
const MOST_BYTES = 256;
const DEVICE = "+";

/** @throws {Error} when it is no topic filter with exactly one device in it. */
export function checkFilter(who: Culprit, filter: unknown): void {
  const problem = filterProblem(filter);
  if (problem === undefined) return;
  throw argumentError(
    who,
    `filter is ${JSON.stringify(filter)}: ${problem}. A filter looks like "devices/+/telemetry".`,
  );
}

function filterProblem(filter: unknown): string | undefined {
  if (typeof filter !== "string" || filter === "") return "it must be a text";
  if (filter.includes("#")) return "# would let a device publish at any depth";
  if (filter.startsWith("$")) return "topics that begin with $ are AWS's own";
  if (!/^[A-Za-z0-9_.:@/+-]+$/.test(filter)) return "it holds more than letters, digits and _.:@-";
  return sizeProblem(filter) ?? deviceProblem(filter.split("/"));
}

function sizeProblem(filter: string): string | undefined {
  const bytes = new TextEncoder().encode(filter).length;
  if (bytes > MOST_BYTES) return `it has ${bytes} bytes, and AWS allows ${MOST_BYTES}`;
  const slashes = filter.split("/").length - 1;
  return slashes > MOST_SLASHES ? `it has ${slashes} slashes, and AWS allows ${MOST_SLASHES}` : undefined;
}

function deviceProblem(levels: string[]): string | undefined {
  if (levels.some((level) => level === "")) return "a level is empty";
  if (levels.some((level) => level !== DEVICE && level.includes(DEVICE)))
    return "+ must be a level of its own";
  const devices = levels.filter((level) => level === DEVICE).length;
  return devices === 1 ? undefined : `it has ${devices} times +, and needs one: the device's name`;
}

/** Where the device stands in the topic, counted from 1 as the SQL's `topic(n)` does. */
export const devicePosition = (filter: string): number => filter.split("/").indexOf(DEVICE) + 1;

/** The topic of one device. */
export const deviceTopic = (filter: string, device: string): string =>
  filter
    .split("/")
    .map((level) => (level === DEVICE ? device : level))
    .join("/");

/** Bytes as they are, with where and when they came. */
export const ruleSql = (filter: string): string =>
  `SELECT encode(*, 'base64') AS payload, topic() AS topic, timestamp() AS receivedAt FROM '${filter}'`;
