/** Simulated bursts as a picture: the same results give the same bytes. Pure. */
import { shrink } from "../shared/chart.ts";
import type { SimulationResult } from "./simulation/simulate.ts";
import type { Series } from "./simulation/timeline.ts";
import { number, plural, share, short, time } from "./text.ts";

/** One burst, with and without environments that are kept warm. */
export interface Panel {
  count: number;
  /** Kept warm in `kept`. */
  warm: number;
  cold: SimulationResult;
  kept: SimulationResult;
}

export interface Picture {
  title: string;
  /** What it was made from. */
  subtitle: string;
  columns: { title: string; subtitle: string }[];
  rows: Panel[][];
}

const WIDTH = 310;
const PLOT = 100;
const HEAD = 20;
const TABLE = 56;
const GAP = 30;
const MARGIN = 20;
const TOP = 96;
const LEGEND = 36;
const ROW_GAP = 22;
const POINTS = 120;

const STYLE = `
  text { font: 11px ui-sans-serif, system-ui, sans-serif; fill: #1f2328; }
  .title { font-size: 16px; font-weight: 600; } .column { font-size: 13px; font-weight: 600; }
  .count { font-size: 12px; font-weight: 600; } .small { font-size: 10px; fill: #59636e; }
  .end { text-anchor: end; } .frame { fill: none; stroke: #d1d9e0; }
  .waiting { fill: #0969da; fill-opacity: .13; } .throttles { fill: #cf222e; fill-opacity: .6; }
  path.cold, path.kept { fill: none; stroke-width: 2; } path.cold { stroke: #bc4c00; } path.kept { stroke: #1a7f37; stroke-dasharray: 5 3; }
  .environments { fill: none; stroke: #59636e; stroke-width: 1; }
  text.cold { fill: #bc4c00; } text.kept { fill: #1a7f37; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; } .small, .environments { fill: #9198a1; } .environments { fill: none; stroke: #9198a1; }
    .frame { stroke: #3d444d; } .waiting { fill: #4493f8; fill-opacity: .25; } .throttles { fill: #f85149; }
    path.cold { stroke: #f0883e; } path.kept { stroke: #3fb950; } text.cold { fill: #f0883e; } text.kept { fill: #3fb950; }
  }`;

const escapeText = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

const round = (value: number): number => Math.round(value * 10) / 10;

const textAt = (x: number, y: number, kind: string, text: string): string =>
  `<text class="${kind}" x="${x}" y="${y}">${escapeText(text)}</text>`;

/** Where a plot is, and how long it lasts. */
interface Plot {
  left: number;
  bottom: number;
  endMs: number;
}

const lengthOf = ({ stepMs, inFlight }: Series): number => stepMs * inFlight.length;

/** A curve through the steps, its values as parts of the plot's height. */
const pointsOf = (parts: number[], series: Series, { left, bottom, endMs }: Plot): string[] => {
  const shrunk = shrink(parts, POINTS);
  return shrunk.map((part, index) => {
    const at = ((index + 0.5) / shrunk.length) * lengthOf(series);
    return `${round(left + (at / endMs) * WIDTH)} ${round(bottom - part * (PLOT - 8))}`;
  });
};

/** What part of the requests has been answered, step by step. */
function answered({ series, requests }: SimulationResult): number[] {
  let sum = 0;
  return series.completed.map((count) => {
    sum += count;
    return sum / requests;
  });
}

const curve = (kind: string, points: string[], plot: Plot): string =>
  `<path class="${kind}" d="M${plot.left} ${plot.bottom} L${points.join(" L")}"/>`;

/** Filled down to the axis; as high as `part` of the plot where it is highest. */
const area = (
  kind: string,
  values: number[],
  series: Series,
  { plot, part }: { plot: Plot; part: number },
): string => {
  const highest = Math.max(...shrink(values, POINTS));
  if (highest === 0) return "";
  const parts = shrink(values, POINTS).map((value) => (value / highest) * part);
  const points = pointsOf(parts, series, plot);
  const last = points.at(-1)?.split(" ")[0];
  return `<path class="${kind}" d="M${plot.left} ${plot.bottom} L${points.join(" L")} L${last} ${plot.bottom} Z"/>`;
};

/** Right ends of the table's columns. */
const CELLS = [122, 170, 212, 262, WIDTH];
const HEADS = ["cold starts", "refused", "lost", "p99", "done"];

const cellsOf = ({ coldShare, throttles, refused, lost, latencyMs, endMs }: SimulationResult): string[] => [
  share(coldShare),
  short(throttles + refused),
  short(lost),
  time(latencyMs.p99),
  time(endMs),
];

const tableRow = (kind: string, [name, ...cells]: string[], left: number, y: number): string =>
  [
    textAt(left, y, kind, name ?? ""),
    ...cells.map((cell, index) => textAt(left + (CELLS[index] ?? 0), y, `${kind} end`, cell)),
  ].join("");

function plotText({ cold, kept }: Panel, plot: Plot): string {
  const { series, highest } = cold;
  const most = Math.max(1, highest.environments);
  return [
    area("waiting", series.waiting, series, { plot, part: 1 }),
    area("throttles", series.throttles, series, { plot, part: 0.3 }),
    curve(
      "environments",
      pointsOf(
        series.environments.map((count) => count / most),
        series,
        plot,
      ),
      plot,
    ),
    curve("kept", pointsOf(answered(kept), kept.series, plot), plot),
    curve("cold", pointsOf(answered(cold), series, plot), plot),
  ].join("\n");
}

function panelText(panel: Panel, left: number, top: number): string {
  const { cold, kept, count, warm } = panel;
  const bottom = top + HEAD + PLOT;
  const endMs = Math.max(lengthOf(cold.series), lengthOf(kept.series));
  const tops = [
    plural(cold.highest.environments, "environment"),
    ...(cold.highest.waiting > 0 ? [`${number(cold.highest.waiting)} wait`] : []),
  ].join(", ");
  return `${textAt(left, top + 12, "count", `${number(count)} at once`)}
${textAt(left + WIDTH, top + 12, "small end", tops)}
<rect class="frame" x="${left}" y="${top + HEAD}" width="${WIDTH}" height="${PLOT}"/>
${plotText(panel, { left, bottom, endMs })}
${textAt(left, bottom + 12, "small", "0")}${textAt(left + WIDTH, bottom + 12, "small end", time(endMs))}
${tableRow("small", ["", ...HEADS], left, bottom + 26)}
${tableRow("small cold", ["none warm", ...cellsOf(cold)], left, bottom + 40)}
${tableRow("small kept", [`${number(warm)} warm`, ...cellsOf(kept)], left, bottom + 54)}`;
}

const LEGENDS = [
  { kind: "cold", at: 0, says: "answered, none kept warm" },
  { kind: "kept", at: 195, says: "answered, with provisioned concurrency" },
  { kind: "environments", at: 460, says: "environments" },
  { kind: "waiting", at: 590, says: "waiting, or to try again" },
  { kind: "throttles", at: 775, says: "refused" },
];

const legendText = (top: number): string =>
  LEGENDS.map(({ kind, says, at }) => {
    const left = MARGIN + at;
    const isArea = kind === "waiting" || kind === "throttles";
    const sign = isArea
      ? `<rect class="${kind}" x="${left}" y="${top - 6}" width="28" height="12"/>`
      : `<path class="${kind}" d="M${left} ${top} L${left + 28} ${top}"/>`;
    return `${sign}${textAt(left + 34, top + 4, "small", says)}`;
  }).join("\n");

export function panelsSvg({ title, subtitle, columns, rows }: Picture): string {
  const height = HEAD + PLOT + TABLE + ROW_GAP;
  const leftOf = (column: number): number => MARGIN + column * (WIDTH + GAP);
  const bottom = TOP + rows.length * height;
  const width = leftOf(columns.length) - GAP + MARGIN;
  const heads = columns.map(
    (column, index) =>
      `${textAt(leftOf(index), 70, "column", column.title)}${textAt(leftOf(index), 84, "small", column.subtitle)}`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${bottom + LEGEND}" role="img">
<title>${escapeText(title)}</title>
<style>${STYLE}
</style>
${textAt(MARGIN, 26, "title", title)}
${textAt(MARGIN, 44, "small", subtitle)}
${heads.join("\n")}
${rows.flatMap((panels, row) => panels.map((panel, column) => panelText(panel, leftOf(column), TOP + row * height))).join("\n")}
${legendText(bottom + 8)}
</svg>
`;
}
