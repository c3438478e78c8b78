/**
 * The API's data as JSON Schema: for request validation, OpenAPI and contracts. For use while the program is planned;
 * handlers judge readings with reading.ts, which is faster and names reasons (a property test holds the two together).
 * Patterns instead of formats, so that compiled validators need no format library.
 */

import { DEFAULT_PAGE, MAX_PAGE } from "./pages.ts";
import { MAX_ID_LENGTH, MAX_MAGNITUDE, MAX_READINGS } from "./reading.ts";
import { Type } from "./type.ts";

const IDENTIFIER_PATTERN = `^[A-Za-z0-9._:-]{1,${MAX_ID_LENGTH}}$`;
const PRINTABLE_PATTERN = `^[!-~]{1,${MAX_ID_LENGTH}}$`;
const LEAP_YEAR = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)";
const LONG_MONTH_DAY = "(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])";
const SHORT_MONTH_DAY = "(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)";
const FEBRUARY_DAY = "02-(?:0[1-9]|1[0-9]|2[0-8])";
const DATE = `(?:[0-9]{4}-(?:${LONG_MONTH_DAY}|${SHORT_MONTH_DAY}|${FEBRUARY_DAY})|${LEAP_YEAR}-02-29)`;
const TIME = "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,9})?";
const INSTANT_PATTERN = `^${DATE}T${TIME}Z$`;

const Identifier = (description: string) => Type.String({ description, pattern: IDENTIFIER_PATTERN });
const Printable = (description: string) => Type.String({ description, pattern: PRINTABLE_PATTERN });
const Instant = (description: string) =>
  Type.String({ description, pattern: INSTANT_PATTERN, examples: ["2026-01-31T12:00:00Z"] });
const Count = (description: string) => Type.Integer({ description, minimum: 0 });
const closed = { additionalProperties: false } as const;

export const ReadingSchema = Type.Object(
  {
    deviceId: Identifier("The device that measured."),
    metric: Identifier("What was measured, e.g. temperature."),
    value: Type.Number({
      description: "The measured value.",
      minimum: -MAX_MAGNITUDE,
      maximum: MAX_MAGNITUDE,
      examples: [21.5],
    }),
    at: Instant("When it was measured, UTC: at most 31 days ago, at most 1 day ahead."),
    eventId: Type.Optional(Printable("The sender's own id of this reading; reports drop repeats by it.")),
    correlationId: Type.Optional(Printable("Follows the reading through every log.")),
  },
  { ...closed, description: "One measured value." },
);

/** Anything at all: a bad reading is answered in its own result, and its neighbours are taken. */
const Refused = Type.Unsafe<unknown>({
  description: "Anything else is refused, with the reason in its own result.",
});

export const TelemetryBodySchema = Type.Union(
  [
    ReadingSchema,
    Type.Array(Type.Union([ReadingSchema, Refused]), { minItems: 1, maxItems: MAX_READINGS }),
    Type.Object({}, { description: "An object that is no reading is refused in its own result." }),
  ],
  { description: `A reading, or 1 to ${MAX_READINGS} of them.` },
);

export const TelemetryResultSchema = Type.Object({
  accepted: Count("Readings taken into the stream."),
  rejected: Count("Readings that are not valid: do not send them again as they are."),
  throttled: Count("Valid readings that the stream had no room for: send these again."),
  results: Type.Array(
    Type.Object({
      index: Count("Position in the request."),
      status: Type.Enum(["accepted", "rejected", "throttled"]),
      reason: Type.Optional(Type.String()),
    }),
  ),
});

const Limit = Type.Optional(
  Type.Integer({ description: "Entries on one page.", minimum: 1, maximum: MAX_PAGE, default: DEFAULT_PAGE }),
);
const Cursor = Type.Optional(
  Type.String({
    description: "Where the page before ended; from its answer.",
    minLength: 1,
    maxLength: 1024,
  }),
);
const NextCursor = Type.Optional(
  Type.String({ description: "Pass as `cursor` for the next page; absent on the last." }),
);

export const PageQuerySchema = Type.Object({ limit: Limit, cursor: Cursor }, closed);

export const DevicePathSchema = Type.Object({ deviceId: Identifier("The device.") }, closed);

export const DeviceListSchema = Type.Object({
  devices: Type.Array(Type.Object({ deviceId: Type.String() }), { description: "By id, ascending." }),
  cursor: NextCursor,
});

export const DeviceSchema = Type.Object({
  deviceId: Type.String(),
  metrics: Type.Array(
    Type.Object({
      metric: Type.String(),
      value: Type.Number({ description: "The value of the reading with the latest `at`." }),
      at: Instant("When it was measured."),
    }),
    { description: "By name, ascending." },
  ),
  cursor: NextCursor,
});

const ResolutionSchema = Type.Enum(["minute", "hour", "day"], {
  description: "Length of a point: ranges up to 31 days at minute, 366 at hour, 3660 at day.",
  default: "hour",
});

export const ReadingsQuerySchema = Type.Object(
  {
    metric: Identifier("What was measured."),
    from: Type.Optional(Instant("Start, inclusive. Default: a day before `to`.")),
    to: Type.Optional(Instant("End, exclusive. Default: now.")),
    resolution: Type.Optional(ResolutionSchema),
    limit: Limit,
    cursor: Cursor,
  },
  closed,
);

export const ReadingsPageSchema = Type.Object({
  deviceId: Type.String(),
  metric: Type.String(),
  resolution: ResolutionSchema,
  from: Instant("Start of the range, inclusive."),
  to: Instant("End of the range, exclusive."),
  points: Type.Array(
    Type.Object({
      start: Instant("Start of the point."),
      count: Count("Readings in it."),
      sum: Type.Number(),
      min: Type.Number(),
      max: Type.Number(),
      mean: Type.Number(),
      last: Type.Number({ description: "The value of its latest reading." }),
      lastAt: Instant("When that was measured."),
    }),
    { description: "In order of time; a point without readings is left out." },
  ),
  cursor: NextCursor,
});

export const HealthSchema = Type.Object({
  status: Type.Literal("ok"),
  stack: Type.String(),
  version: Type.String(),
});
