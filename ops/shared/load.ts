/**
 * What a system is to carry: devices and how often each reports, and the smaller loads beside them. Pure.
 *
 * Everything but `devices` and `everySeconds` has a ratio per device, so that two numbers make a whole load. The ratios
 * are the assumptions of `RATIOS`, not measurements: give a file with what is known instead.
 */
import { type Static, type TSchema, Type } from "typebox";
import { Compile } from "typebox/compile";

/** More is a mistake in a unit: each person on Earth would have a hundred devices. */
const MOST = 1e12;
const amount = (description: string, maximum = MOST) => Type.Number({ minimum: 0, maximum, description });
const share = (description: string) => amount(description, 1);

const OPTIONAL = {
  readingBytes: Type.Number({ minimum: 1, maximum: 1_000_000, description: "JSON of one reading" }),
  readingsPerRecord: Type.Number({ minimum: 1, maximum: 5_000, description: "readings sent as one record" }),
  metricsPerDevice: Type.Number({ minimum: 1, maximum: 10_000, description: "series that a device has" }),
  mqttShare: share("part of the readings that comes by MQTT"),
  httpShare: share("part of the readings that comes by HTTP"),
  apiReadsPerSecond: amount("requests that read, over all routes that have no load of their own"),
  apiCallers: amount("clients that fetch a token whenever theirs expires"),
  imagesPerDay: amount("images uploaded"),
  imageBytes: amount("bytes of one image or dropped file", 5e12),
  ordersPerDay: amount("orders placed"),
  filesPerDay: amount("files dropped in each bucket that somebody outside writes to"),
  fileBytes: amount("bytes of one such file", 5e12),
  queriedBytesPerDay: amount("bytes of the lake that SQL queries scan", 1e18),
  storedMonths: Type.Number({
    minimum: 0,
    maximum: 120,
    description: "months of data that are kept already",
  }),
  compactionBuckets: Type.Number({ minimum: 1, maximum: 256, description: "parts of an hour of the lake" }),
};

const LoadFile = Type.Object(
  {
    devices: Type.Number({ exclusiveMinimum: 0, maximum: MOST, description: "senders of readings" }),
    everySeconds: Type.Number({ minimum: 0.001, maximum: 2_678_400, description: "between two of a device" }),
    ...(Object.fromEntries(Object.entries(OPTIONAL).map(([key, schema]) => [key, Type.Optional(schema)])) as {
      [Key in keyof typeof OPTIONAL]: ReturnType<typeof Type.Optional<(typeof OPTIONAL)[Key]>>;
    }),
    /** Events a second from outside, by a resource's logical name or a route's key: instead of what is derived. */
    sources: Type.Optional(Type.Record(Type.String(), amount("events a second from outside"))),
  },
  { additionalProperties: false },
);

type LoadFile = Static<typeof LoadFile>;
export type Load = Required<LoadFile>;

/** A dimension of a load that is a plain number. */
type LoadDimension = Exclude<keyof Load, "sources">;

/** What a load is taken to be where nobody says otherwise, with the reason. */
export const RATIOS: Record<
  Exclude<LoadDimension, "devices" | "everySeconds">,
  { of: (given: Pick<Load, "devices" | "everySeconds">) => number; why: string }
> = {
  readingBytes: { of: () => 150, why: "a reading with deviceId, metric, value, at and eventId" },
  readingsPerRecord: { of: () => 1, why: "a device sends each reading by itself" },
  metricsPerDevice: { of: () => 3, why: "the sample's pressure, temperature and wind, sent in turn" },
  mqttShare: { of: () => 0, why: "devices write to the stream; MQTT costs more, see docs/cost.md" },
  httpShare: { of: () => 0, why: "as above" },
  apiReadsPerSecond: { of: ({ devices }) => devices / 3_600, why: "each device is looked at once an hour" },
  apiCallers: { of: ({ devices }) => 1 + devices / 1_000, why: "a program, and one more per 1,000 devices" },
  imagesPerDay: { of: ({ devices }) => devices / 10, why: "each device sends a picture every ten days" },
  imageBytes: { of: () => 2_000_000, why: "a photograph of a phone" },
  ordersPerDay: { of: ({ devices }) => devices / 100, why: "one device in a hundred causes an order a day" },
  filesPerDay: { of: ({ devices }) => 24 * Math.min(1, devices), why: "one access log an hour" },
  fileBytes: { of: ({ devices }) => 250 * devices, why: "a line of 250 bytes a device and hour" },
  queriedBytesPerDay: {
    of: ({ devices, everySeconds }) => (devices / everySeconds) * 86_400 * 20,
    why: "one query a day over a day of readings, 20 bytes each in Parquet",
  },
  storedMonths: { of: () => 12, why: "the system has run for a year" },
  compactionBuckets: { of: () => 1, why: "the default of the program's settings" },
};

const validator = Compile(LoadFile);

const rangeOf = ({ minimum, exclusiveMinimum, maximum }: TSchema & Record<string, unknown>): string =>
  exclusiveMinimum === undefined ? `from ${minimum} to ${maximum}` : `above 0, at most ${maximum}`;

const schemaAt = (key: string): TSchema | undefined => (LoadFile.properties as Record<string, TSchema>)[key];

const unknownKeys = (value: object): string[] => Object.keys(value).filter((key) => !schemaAt(key));

/** What is wrong with the first dimension that is wrong. */
const problemOf = (value: unknown): string => {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return "it must be a JSON object";
  const [unknown] = unknownKeys(value);
  if (unknown !== undefined)
    return `unknown key "${unknown}"; it knows ${Object.keys(LoadFile.properties).join(", ")}`;
  const [first] = validator.Errors(value);
  const path = first?.instancePath.split("/").slice(1) ?? [];
  const [key = ""] = path;
  if (key === "") {
    const missing = ["devices", "everySeconds"].filter((name) => !Object.hasOwn(value, name));
    return `${missing.join(" and ")} must be given`;
  }
  const found = path.reduce<unknown>((inner, name) => Reflect.get(inner as object, name), value);
  const schema = key === "sources" ? amount("") : schemaAt(key);
  return `${path.join(".")} is ${JSON.stringify(found)}; it must be a number ${rangeOf((schema ?? {}) as TSchema & Record<string, unknown>)}`;
};

/**
 * A load with everything that was not given derived.
 * @param from what `value` came from, for the message: a file's name, or the flags
 * @throws {Error} in one sentence, naming the key, its value and the range
 */
export const completeLoad = (value: unknown, from: string): Load => {
  if (!validator.Check(value)) throw new Error(`The load in ${from} cannot be: ${problemOf(value)}.`);
  const derived = Object.fromEntries(Object.entries(RATIOS).map(([key, { of }]) => [key, of(value)]));
  const load = { ...derived, sources: {}, ...value } as Load;
  if (load.mqttShare + load.httpShare <= 1) return load;
  throw new Error(
    `The load in ${from} cannot be: mqttShare ${load.mqttShare} and httpShare ${load.httpShare} are more than 1 together.`,
  );
};

/** Nobody sends, asks or uploads: what a stack costs by being there. Schedules go on, and nothing is stored. */
export const idleLoad = (load: Load): Load => ({
  ...load,
  devices: 0,
  apiReadsPerSecond: 0,
  apiCallers: 0,
  imagesPerDay: 0,
  ordersPerDay: 0,
  filesPerDay: 0,
  queriedBytesPerDay: 0,
  storedMonths: 0,
  sources: {},
});

/** Readings a second, over all ways in. */
export const readingsPerSecond = ({ devices, everySeconds }: Load): number => devices / everySeconds;

/** Series (a device's metric) that readings belong to. */
export const seriesOf = ({ devices, metricsPerDevice }: Load): number => devices * metricsPerDevice;
