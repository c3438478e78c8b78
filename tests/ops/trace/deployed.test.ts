import { expect } from "chai";
import { type FindLines, gather, type LineSearch } from "../../../ops/trace/deployed.ts";
import { traceLines, traceTree } from "../../../ops/trace/tree.ts";

const [PLACE, FULFIL, ACCESS] = [
  "/aws/lambda/place-function-abcdef0",
  "/aws/lambda/fulfil-function-abcdef0",
  "/api/access",
];
const report = (requestId: string, durationMs: number, initDurationMs?: number) => ({
  type: "platform.report",
  record: { requestId, status: "success", metrics: { durationMs, initDurationMs } },
});

interface Stored {
  group: string;
  stream: string;
  at: number;
  fields: Record<string, unknown>;
}

const LINES: Stored[] = [
  { group: PLACE, stream: "a", at: 90, fields: report("before", 1) },
  {
    group: PLACE,
    stream: "a",
    at: 100,
    fields: { message: "order placed", correlationId: "o", requestId: "api-1" },
  },
  {
    group: PLACE,
    stream: "a",
    at: 101,
    fields: { message: "stored", correlationId: "o", requestId: "api-1" },
  },
  { group: PLACE, stream: "b", at: 103, fields: report("another environment's", 1) },
  { group: PLACE, stream: "a", at: 110, fields: report("place-run", 20, 5) },
  { group: FULFIL, stream: "c", at: 150, fields: { message: "order fulfilled", correlationIds: ["n", "o"] } },
  { group: FULFIL, stream: "c", at: 151, fields: { message: "mentions o only", correlationId: "not-o" } },
  { group: FULFIL, stream: "c", at: 160, fields: report("fulfil-run", 15) },
  {
    group: ACCESS,
    stream: "x",
    at: 112,
    fields: { requestId: "api-1", method: "POST", path: "/orders", status: "201", responseLatency: "30" },
  },
];

/** Filters as CloudWatch Logs would, as far as the patterns asked for go. */
const findLines: FindLines = async ({ group, stream, pattern, since, first }: LineSearch) => {
  const [, member, value] = /^\{ \$\.(\w+) = (".*") \}$/.exec(pattern) ?? [];
  const passes = ({ fields }: Stored): boolean =>
    member === undefined
      ? JSON.stringify(fields).includes(JSON.parse(pattern) as string)
      : fields[member] === JSON.parse(value ?? "");
  const found = LINES.filter((line) => line.group === group && (stream ?? line.stream) === line.stream)
    .filter((line) => line.at >= since && passes(line))
    .map(({ fields, ...place }) => ({ ...place, text: JSON.stringify(fields) }));
  return first ? found.slice(0, 1) : found;
};

describe("a trace on AWS", () => {
  it("is made of functions' lines, Lambda's reports and the access log, in the order of time", async () => {
    const tree = traceTree(await gather({ id: "o", since: 0 }, [PLACE, FULFIL, ACCESS], findLines));
    expect(tree && traceLines(tree)).to.deep.equal([
      "POST /orders  201  30.0 ms",
      "└─ place      ok   20.0 ms    order placed, stored (cold start 5.0 ms)",
      "fulfil        ok   15.0 ms    order fulfilled",
    ]);
  });

  it("is nothing when no function has written about the id", async () => {
    expect(await gather({ id: "unknown", since: 0 }, [PLACE, FULFIL, ACCESS], findLines)).to.deep.equal([]);
    expect(await gather({ id: "o", since: 155 }, [PLACE, FULFIL, ACCESS], findLines)).to.deep.equal([]);
  });
});
