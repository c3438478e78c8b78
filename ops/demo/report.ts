import type { FunctionStats } from "../../local/lambda/stats.ts";
import { barChart, shrink, textTable } from "../shared/chart.ts";
import { checkTable } from "../smoke/report.ts";
import type { ScenarioResult } from "../smoke/scenario.ts";

export interface FunctionFigures extends FunctionStats {
  zipBytes: number;
}

export interface DemoFigures {
  result: ScenarioResult;
  functions: FunctionFigures[];
  /** Environments that died on purpose. */
  killed: number;
  /** A reading's and an order's, line by line. */
  traces: string[][];
  readyMs: number;
  totalMs: number;
}

const CHART_COLUMNS = 84;
const CHARTED = "temperature";

/** What a person wants to see of a run. Pure. */
export function demoReport(figures: DemoFigures): string[] {
  const { result, functions } = figures;
  return [
    "",
    "What went in",
    ...indent(incoming(result)),
    "",
    `What the API answers: normal ${CHARTED} in Seattle by the hour, the fortnight that ends now (°C)`,
    ...indent(chart(result)),
    "",
    "Where the malformed records went (lake bucket, quarantine/)",
    ...indent(quarantined(result)),
    "",
    "Functions",
    ...indent(functionTable(functions)),
    "",
    "Nothing lost, nothing doubled",
    ...indent([
      `${figures.killed} environment died after its writes and before its answer; its batch was delivered again.`,
      ...checkTable(result.checks),
    ]),
    "",
    "A reading's and an order's way through it (npm run trace shows any)",
    ...figures.traces.flatMap((lines) => [...indent(lines), ""]),
    `Ready in ${seconds(figures.readyMs)}, done in ${seconds(figures.totalMs)}.`,
  ];
}

const indent = (lines: string[]): string[] => lines.map((line) => `  ${line}`);
const seconds = (milliseconds: number): string => `${(milliseconds / 1_000).toFixed(1)} s`;
const milliseconds = (value: number | undefined): string =>
  value === undefined ? "-" : `${value.toFixed(1)} ms`;

function incoming({ stream, http }: ScenarioResult): string[] {
  return textTable(
    ["entrance", "readings", "malformed", "calls", "throttled and sent again"],
    [
      [
        "Kinesis PutRecords",
        stream.readings.length,
        stream.malformed.length,
        stream.totals.calls,
        stream.totals.retried,
      ],
      ["POST /telemetry", http.accepted, http.rejected, 1, 0],
    ],
  );
}

function chart({ hourlyMeans }: ScenarioResult): string[] {
  const [, means = []] = [...hourlyMeans].find(([key]) => key.endsWith(` ${CHARTED}`)) ?? [];
  return barChart(shrink(means, CHART_COLUMNS), { height: 6, decimals: 1 });
}

function quarantined({ quarantine }: ScenarioResult): string[] {
  return textTable(
    ["reason", "original bytes"],
    quarantine.map(({ reason = "", data = "" }) => [
      reason.slice(0, 60),
      Buffer.from(data, "base64").toString("utf8").slice(0, 60),
    ]),
  );
}

function functionTable(functions: FunctionFigures[]): string[] {
  return textTable(
    ["function", "invocations", "errors", "cold starts", "init p50", "p50", "p99", "zip"],
    functions
      .sort((a, b) => a.functionName.localeCompare(b.functionName))
      .map(({ functionName, invocations, errors, coldStarts, init, duration, zipBytes }) => [
        functionName.replace(/-function-[0-9a-f]{7}$/, ""),
        invocations,
        errors,
        coldStarts,
        milliseconds(init?.p50),
        milliseconds(duration?.p50),
        milliseconds(duration?.p99),
        `${(zipBytes / 1_024).toFixed(1)} KB`,
      ]),
  );
}
