import { expect } from "chai";
import { type DashboardContent, dashboardBody } from "../../../components/internal/dashboard.ts";
import { chunks, placed, type Widget } from "../../../components/internal/widgets.ts";

const NOTHING: DashboardContent = {
  region: "eu-west-1",
  heading: "# shop-dev",
  alarms: [],
  apis: [],
  functions: [],
  readers: [],
  streams: [],
  queues: [],
  tables: [],
  topicRules: [],
  figures: [],
};

interface Placed extends Widget {
  x: number;
  y: number;
}

const widgets = (content: Partial<DashboardContent>): Placed[] =>
  JSON.parse(dashboardBody({ ...NOTHING, ...content })).widgets;

const titles = (content: Partial<DashboardContent>): unknown[] =>
  widgets(content).map(({ properties }) => properties.title ?? properties.markdown);

const titled = (content: Partial<DashboardContent>, title: string): Placed => {
  const found = widgets(content).find(({ properties }) => properties.title === title);
  if (!found) throw new Error(`No widget "${title}".`);
  return found;
};

const shown = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ title: `t${index}`, id: `i${index}` }));

describe("components/internal/dashboard", () => {
  it("has no section for what the stack does not have", () => {
    expect(titles({})).to.deep.equal(["# shop-dev"]);
  });

  it("gives a function a row: runs, durations under its timeout, and executions", () => {
    const content = { functions: [{ title: "greet", id: "greet-1", timeout: 10 }] };
    expect(titles(content)).to.deep.equal([
      "# shop-dev",
      "## Functions",
      "greet: runs",
      "greet: milliseconds",
      "greet: executions at once",
    ]);
    expect(titled(content, "greet: milliseconds").properties).to.deep.include({
      region: "eu-west-1",
      metrics: [
        ["AWS/Lambda", "Duration", "FunctionName", "greet-1", { stat: "p50", label: "p50" }],
        ["AWS/Lambda", "Duration", "FunctionName", "greet-1", { stat: "p99", label: "p99" }],
      ],
      annotations: { horizontal: [{ label: "timeout", value: 10_000 }] },
    });
    expect(titled(content, "greet: runs").properties.metrics).to.deep.equal(
      [
        ["Invocations", "runs"],
        ["Errors", "errors"],
        ["Throttles", "throttles"],
      ].map(([name, label]) => ["AWS/Lambda", name, "FunctionName", "greet-1", { stat: "Sum", label }]),
    );
  });

  it("keeps queues that are worked off apart from those where work ends", () => {
    const queues = [
      { title: "jobs", id: "jobs-1", isEnd: false },
      { title: "dead", id: "dead-1", isEnd: true },
    ];
    expect(titles({ queues }).slice(1)).to.deep.equal([
      "## Queues",
      "Messages waiting",
      "Age of the oldest, seconds",
      "Given up",
    ]);
    expect(JSON.stringify(titled({ queues }, "Given up").properties.metrics))
      .to.include("dead-1")
      .and.not.to.include("jobs-1");
  });

  it("shows streams, tables, APIs and topic rules by the metrics that AWS has of them", () => {
    const [one] = [shown(1)];
    expect(titles({ apis: one, streams: one, readers: one, tables: one, topicRules: one })).to.deep.equal([
      "# shop-dev",
      "## Requests",
      "t0: requests",
      "t0: refused and failed",
      "t0: milliseconds",
      "## Streams and changes",
      "Age of what is read, milliseconds",
      "t0: records",
      "t0: bytes",
      "t0: refused for want of shards",
      "## Tables",
      "t0: units",
      "t0: throttled",
      "## Devices",
      "t0: messages",
      "t0: handed on or failed",
    ]);
  });

  it("searches for the program's own figures by name, whoever gives them", () => {
    const figures = [
      {
        title: "Orders",
        namespace: "Shop",
        dimension: "service",
        metrics: ["placed", "paid"],
        statistic: "p99",
      },
    ];
    expect(titled({ figures }, "Orders").properties.metrics).to.deep.equal([
      [
        {
          expression: `SEARCH('{Shop,service} MetricName=("placed" OR "paid")', 'p99', 60)`,
          id: "e1",
        },
      ],
    ]);
  });

  it("splits alarms and lines over as many widgets as one may hold", () => {
    const alarms = Array.from({ length: 230 }, (_, index) => `arn:${index}`);
    const ofAlarms = widgets({ alarms }).filter(({ type }) => type === "alarm");
    expect(ofAlarms.map(({ properties }) => (properties.alarms as string[]).length)).to.deep.equal([
      100, 100, 30,
    ]);
    const ages = widgets({ readers: shown(30) }).filter(({ type }) => type === "metric");
    expect(ages.map(({ properties }) => (properties.metrics as unknown[]).length)).to.deep.equal([12, 12, 6]);
  });

  it("places widgets beside each other within 24 columns, none over another", () => {
    const all = widgets({
      alarms: ["arn:1"],
      apis: shown(2),
      functions: shown(7).map((each) => ({ ...each, timeout: 3 })),
      readers: shown(30),
      streams: shown(2),
      queues: shown(25).map((each, index) => ({ ...each, isEnd: index % 2 === 0 })),
      tables: shown(3),
      topicRules: shown(1),
      figures: shown(4).map(({ title }) => ({ title, namespace: "N", dimension: "d", metrics: ["m"] })),
    });
    const taken = new Set<string>();
    for (const { x, y, width, height } of all) {
      expect(x + width).to.be.at.most(24);
      for (let column = x; column < x + width; column += 1) {
        for (let row = y; row < y + height; row += 1) {
          expect(taken.has(`${column}/${row}`), `${column}/${row}`).to.equal(false);
          taken.add(`${column}/${row}`);
        }
      }
    }
  });

  it("is the same for the same stack", () => {
    const content = { ...NOTHING, functions: shown(3).map((each) => ({ ...each, timeout: 3 })) };
    expect(dashboardBody(content)).to.equal(dashboardBody(structuredClone(content)));
  });

  it("refuses more than 500 widgets, with the way out", () => {
    const functions = shown(170).map((each) => ({ ...each, timeout: 3 }));
    expect(() => widgets({ functions })).to.throw(/would have 512 widgets; CloudWatch takes 500\. Split/);
  });
});

describe("components/internal/widgets", () => {
  it("cuts a list into parts of a size, and nothing into no parts", () => {
    expect(chunks([1, 2, 3], 2)).to.deep.equal([[1, 2], [3]]);
    expect(chunks([], 2)).to.deep.equal([]);
  });

  it("begins the next row below the tallest of the last", () => {
    const widget = (width: number, height: number): Widget => ({
      type: "text",
      width,
      height,
      properties: {},
    });
    const rows = [[widget(12, 2), widget(12, 6), widget(6, 1)], [widget(24, 1)]];
    expect(placed(rows).map((each) => [Reflect.get(each, "x"), Reflect.get(each, "y")])).to.deep.equal([
      [0, 0],
      [12, 0],
      [0, 6],
      [0, 7],
    ]);
  });
});
