/**
 * The pieces of a CloudWatch dashboard: graphs, texts, alarms, and where they stand. Pure.
 * Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
 */

export interface Widget {
  type: "metric" | "text" | "alarm";
  width: number;
  height: number;
  properties: Record<string, unknown>;
}

/** Metric's name and statistic. */
export type Line = readonly [name: string, statistic: string];

/** A name as people know it, and the one that the metrics carry. */
export interface Shown {
  /** Logical name. */
  title: string;
  /** Value of the metrics' dimension. */
  id: string;
}

/** Where metrics are from. */
export interface Source {
  region: string;
  namespace: string;
  /** Name of the dimension that tells one thing from another. */
  dimension: string;
}

/** The grid's columns. */
export const WIDTH = 24;
const HEIGHT = 6;
/** Seconds. */
const PERIOD = 60;
const MOST_ALARMS = 100;
const ALARMS_ABREAST = 8;
/** Lines that one graph can still be read with; AWS draws 500. */
const MOST_LINES = 12;

/** As many at a time as are allowed. */
export const chunks = <T>(items: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );

/** Rows from top to bottom, their widgets from left to right; a row that is full goes on below. */
export function placed(rows: readonly (readonly Widget[])[]): object[] {
  let [x, y, tallest] = [0, 0, 0];
  const widgets: object[] = [];
  for (const row of rows) {
    for (const widget of row) {
      if (x + widget.width > WIDTH) [x, y, tallest] = [0, y + tallest, 0];
      widgets.push({ ...widget, x, y });
      x += widget.width;
      tallest = Math.max(tallest, widget.height);
    }
    [x, y, tallest] = [0, y + tallest, 0];
  }
  return widgets;
}

export const textWidget = (markdown: string, height = 1): Widget => ({
  type: "text",
  width: WIDTH,
  height,
  properties: { markdown, background: "transparent" },
});

/** The state of every alarm, those that are raised first. */
export const alarmWidgets = (alarms: readonly string[]): Widget[] =>
  chunks(alarms, MOST_ALARMS).map((some, index) => ({
    type: "alarm",
    width: WIDTH,
    height: 2 + Math.ceil(some.length / ALARMS_ABREAST),
    properties: {
      title: index === 0 ? "Alarms" : "More alarms",
      alarms: some,
      sortBy: "stateUpdatedTimestamp",
    },
  }));

interface GraphOptions {
  region: string;
  title: string;
  width: number;
  /** In the form that CloudWatch takes. */
  metrics: readonly unknown[];
}

export const graph = ({ region, title, width, metrics }: GraphOptions): Widget => ({
  type: "metric",
  width,
  height: HEIGHT,
  properties: {
    title,
    region,
    view: "timeSeries",
    period: PERIOD,
    metrics,
    yAxis: { left: { min: 0 } },
  },
});

/** One line for each metric that the search finds. */
export const found = (expression: string, statistic = "Sum"): unknown[] => [
  [{ expression: `SEARCH('${expression}', '${statistic}', ${PERIOD})`, id: "e1" }],
];

/** A row of one thing's graphs; each has a title and its lines by their labels. */
export function rowOf(
  { region, namespace, dimension }: Source,
  { title, id }: Shown,
  graphs: Readonly<Record<string, Readonly<Record<string, Line>>>>,
): Widget[] {
  const width = WIDTH / Object.keys(graphs).length;
  return Object.entries(graphs).map(([what, lines]) =>
    graph({
      region,
      title: `${title}: ${what}`,
      width,
      metrics: Object.entries(lines).map(([label, [name, stat]]) => [
        namespace,
        name,
        dimension,
        id,
        { stat, label },
      ]),
    }),
  );
}

/** The same metric of many things, in as few graphs as can be read. */
export const compared = (
  { region, namespace, dimension }: Source,
  { title, line: [name, stat] }: { title: string; line: Line },
  things: readonly Shown[],
): Widget[] =>
  chunks(things, MOST_LINES).map((some) =>
    graph({
      region,
      title,
      width: WIDTH / 2,
      metrics: some.map(({ title: label, id }) => [namespace, name, dimension, id, { stat, label }]),
    }),
  );
