/** The reports' part of the API as JSON Schema. */
import { DEFAULT_PAGE, MAX_PAGE } from "./pages.ts";
import { Type } from "./type.ts";

const Text = (description: string) => Type.String({ description });
const Count = (description: string) => Type.Integer({ description, minimum: 0 });
const Value = (description: string) => Type.Number({ description });

export const ReportPathSchema = Type.Object(
  {
    date: Type.String({
      description: "A day, UTC.",
      pattern: "^[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])$",
      examples: ["2026-01-31"],
    }),
  },
  { additionalProperties: false },
);

export const ReportQuerySchema = Type.Object(
  {
    limit: Type.Optional(
      Type.Integer({
        description: "Series on one page.",
        minimum: 1,
        maximum: MAX_PAGE,
        default: DEFAULT_PAGE,
      }),
    ),
    cursor: Type.Optional(
      Type.String({
        description: "Where the page before ended; from its answer.",
        minLength: 1,
        maxLength: 1024,
      }),
    ),
  },
  { additionalProperties: false },
);

export const ReportSchema = Type.Object({
  date: Text("The day."),
  series: Type.Array(
    Type.Object({
      deviceId: Text("The device."),
      metric: Text("What was measured."),
      count: Count("Readings; repeats are not counted."),
      min: Value("Least value."),
      max: Value("Greatest value."),
      mean: Value("Mean of the values."),
      p50: Value("Nearest rank: the smallest value that at least half of the values do not exceed."),
      p95: Value("Nearest rank: the smallest value that at least 95 % of the values do not exceed."),
      gaps: Count("Intervals between consecutive times that are more than twice the median one."),
      longestIntervalSeconds: Value("Longest interval between consecutive times."),
      repeats: Count("Readings that were sent again under the same eventId."),
      firstAt: Text("Time of the first reading, UTC."),
      lastAt: Text("Time of the last reading, UTC."),
    }),
    { description: "By device bucket, then device and metric." },
  ),
  cursor: Type.Optional(Text("Pass as `cursor` for the next page; absent on the last.")),
});
