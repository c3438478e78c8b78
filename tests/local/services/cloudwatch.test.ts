import {
  CloudWatchClient,
  DescribeAlarmsCommand,
  GetMetricDataCommand,
  GetMetricStatisticsCommand,
  ListDashboardsCommand,
  ListMetricsCommand,
  PutMetricDataCommand,
  SetAlarmStateCommand,
} from "@aws-sdk/client-cloudwatch";
import { expect } from "chai";
import { decodeCbor, encodeCbor } from "../../../local/kit/cbor.ts";
import { VirtualClock } from "../../../local/kit/clock.ts";
import { CborFront } from "../../../local/services/cbor-front.ts";
import { CloudWatch } from "../../../local/services/cloudwatch.ts";
import type { Endpoint } from "../../../local/services/endpoint.ts";
import type { Transition } from "../../../local/services/metric-alarms.ts";
import { MetricStore } from "../../../local/services/metric-store.ts";
import { readAlarm } from "../../../local/sources/alarms/settings.ts";
import { resourceNode } from "../../helpers/graph.ts";
import { askingAuthorise, authorization, clientConfig, failure, PLACE, start } from "./aws.ts";

const NOW = Date.UTC(2026, 0, 1, 12, 0, 30);
const MINUTE = 60_000;
const SINCE = new Date(NOW - 10 * MINUTE);
const UNTIL = new Date(NOW + MINUTE);

const alarm = (name: string, values: object) =>
  readAlarm(
    resourceNode("aws:cloudwatch/metricAlarm:MetricAlarm", name, {
      outputs: {
        name,
        arn: `arn:aws:cloudwatch:us-east-1:000000000000:alarm:${name}`,
        comparisonOperator: "GreaterThanThreshold",
        evaluationPeriods: 1,
        threshold: 5,
        ...values,
      },
    }),
  );
const WATCHED = { namespace: "My", metricName: "a", statistic: "Maximum", period: 60 };

const math = (expression: string) => [
  { id: "e", expression, returnData: true },
  { id: "m", metric: { ...WATCHED, stat: "Sum" }, returnData: false },
];

describe("CloudWatch", () => {
  let clock: VirtualClock;
  let cloudWatch: CloudWatch;
  let endpoint: Endpoint;
  let client: CloudWatchClient;
  let asked: string[];

  beforeEach(async () => {
    clock = new VirtualClock(NOW);
    cloudWatch = new CloudWatch({ ...PLACE, clock });
    const asking = askingAuthorise((action) => action === "cloudwatch:ListMetrics");
    asked = asking.asked;
    const http = [new CborFront(cloudWatch, "monitoring")];
    endpoint = await start({ json: [cloudWatch], http, authorise: asking.authorise });
    client = new CloudWatchClient(clientConfig(endpoint));
  });

  afterEach(async () => {
    client.destroy();
    await endpoint.close();
  });

  const put = (...MetricData: PutMetricDataCommand["input"]["MetricData"] & object) =>
    client.send(new PutMetricDataCommand({ Namespace: "My", MetricData }));
  const statistics = (input: object) =>
    client.send(
      new GetMetricStatisticsCommand({
        Namespace: "My",
        MetricName: "a",
        StartTime: SINCE,
        EndTime: UNTIL,
        Period: 60,
        ...input,
      } as GetMetricStatisticsCommand["input"]),
    );
  const data = async (MetricDataQueries: GetMetricDataCommand["input"]["MetricDataQueries"] & object) => {
    const input = {
      StartTime: SINCE,
      EndTime: UNTIL,
      ScanBy: "TimestampAscending",
      MetricDataQueries,
    } as const;
    return (await client.send(new GetMetricDataCommand(input))).MetricDataResults ?? [];
  };

  it("gives figures back as statistics of each period, one value, many, or a set of them", async () => {
    const Timestamp = new Date(NOW - 5 * MINUTE);
    await put(
      { MetricName: "a", Value: 2, Unit: "Seconds", Timestamp },
      { MetricName: "a", Values: [4, 10], Counts: [2, 1], Timestamp },
      { MetricName: "a", StatisticValues: { SampleCount: 4, Sum: 40, Minimum: 1, Maximum: 25 } },
      { MetricName: "a", Value: 99, Dimensions: [{ Name: "of", Value: "another" }] },
    );
    const { Datapoints = [], Label } = await statistics({
      Statistics: ["SampleCount", "Sum", "Average", "Minimum", "Maximum"],
      ExtendedStatistics: ["p50"],
    });
    expect(Label).to.equal("a");
    expect(Datapoints).to.have.length(2);
    expect(Datapoints[0]).to.deep.include({
      Timestamp: new Date(Math.floor((NOW - 5 * MINUTE) / MINUTE) * MINUTE),
      SampleCount: 4,
      Sum: 20,
      Average: 5,
      Minimum: 2,
      Maximum: 10,
      Unit: "Seconds",
    });
    expect(Datapoints[0]?.ExtendedStatistics?.p50).to.be.closeTo(4, 0.04);
    expect(Datapoints[1]).to.deep.include({ SampleCount: 4, Sum: 40, Minimum: 1, Maximum: 25 });
  });

  it("answers at once however long a time it is asked for: only what is kept is gone through", () => {
    const metric = { namespace: "My", name: "a", dimensions: {} };
    for (const minutes of [2, 5, 7]) cloudWatch.metrics.add(metric, minutes, { at: NOW - minutes * MINUTE });
    // Thirty thousand years: a step a minute would take minutes.
    const EndTime = NOW / 1_000;
    const long = { StartTime: EndTime - 1e12, EndTime, Statistics: ["Sum", "SampleCount"] };
    const sums = (input: object) =>
      (
        cloudWatch.handle("GetMetricStatistics", {
          Namespace: "My",
          MetricName: "a",
          ...long,
          ...input,
        }) as { Datapoints: { Sum: number; SampleCount: number }[] }
      ).Datapoints.map(({ Sum, SampleCount }) => [Sum, SampleCount]);
    expect(sums({ Period: 6e12 })).to.deep.equal([[14, 3]]);
    expect(sums({ Period: 60 * Math.ceil(1e12 / 60 / 1_000) })).to.deep.equal([[14, 3]]);
    expect(sums({ StartTime: EndTime - 300, Period: 60 })).to.deep.equal([
      [5, 1],
      [2, 1],
    ]);
  });

  it("keeps percentiles of ten thousand values within one per cent", async () => {
    for (let value = 1; value <= 10_000; value += 1)
      cloudWatch.metrics.add({ namespace: "My", name: "a", dimensions: {} }, value);
    const [point] =
      (await statistics({ ExtendedStatistics: ["p50", "p99", "p99.9", "p100"] })).Datapoints ?? [];
    const found = point?.ExtendedStatistics ?? {};
    expect(found.p50).to.be.closeTo(5_000, 50);
    expect(found.p99).to.be.closeTo(9_900, 99);
    expect(found["p99.9"]).to.be.closeTo(9_990, 100);
    expect(found.p100).to.equal(10_000);
  });

  it("answers queries of metrics, expressions over them, and one figure over many metrics", async () => {
    for (const [of, Value] of [
      ["x", 1],
      ["y", 3],
    ] as const)
      await put({ MetricName: "errors", Value, Dimensions: [{ Name: "of", Value: of }] });
    await put({ MetricName: "calls", Value: 8 });
    const metric = (Id: string, MetricName: string, of?: string) => ({
      Id,
      ReturnData: false,
      MetricStat: {
        Metric: { Namespace: "My", MetricName, ...(of ? { Dimensions: [{ Name: "of", Value: of }] } : {}) },
        Period: 60,
        Stat: "Sum",
      },
    });
    const results = await data([
      metric("x", "errors", "x"),
      metric("y", "errors", "y"),
      metric("calls", "calls"),
      { Id: "rate", Expression: "100 * sum / calls", Label: "rate" },
      { Id: "sum", Expression: "x + y", ReturnData: false },
      { Id: "all", Expression: `SELECT MAX(errors) FROM "My" WHERE of = 'y'`, Period: 60 },
    ]);
    expect(results.map(({ Id, Label, Values }) => [Id, Label, Values])).to.deep.equal([
      ["rate", "rate", [50]],
      ["all", "all", [3]],
    ]);
    expect(results[0]?.Timestamps).to.deep.equal([new Date(Math.floor(NOW / MINUTE) * MINUTE)]);
    const wrong = await failure(data([{ Id: "e", Expression: "e + 1" }, metric("m", "calls")]));
    expect(wrong.message).to.contain('"e" depends on itself');
  });

  it("speaks CBOR as boto3 and the AWS CLI do, times tagged, failures in its words", async () => {
    const call = async (operation: string, input: object) => {
      const answer = await fetch(
        `${endpoint.url}/service/GraniteServiceVersion20100801/operation/${operation}`,
        {
          method: "POST",
          headers: {
            "smithy-protocol": "rpc-v2-cbor",
            "content-type": "application/cbor",
            authorization: authorization("monitoring"),
          },
          body: new Uint8Array(encodeCbor(input, () => undefined)),
        },
      );
      const bytes = Buffer.from(await answer.arrayBuffer());
      return { answer, bytes, body: decodeCbor(bytes) as Record<string, unknown> };
    };
    const datum = { MetricName: "a", Value: 1.5, Timestamp: NOW / 1_000 };
    expect((await call("PutMetricData", { Namespace: "My", MetricData: [datum] })).answer.status).to.equal(
      200,
    );
    const input = { Namespace: "My", MetricName: "a", Period: 60, Statistics: ["Sum"] };
    const times = { StartTime: SINCE.getTime() / 1_000, EndTime: UNTIL.getTime() / 1_000 };
    const { bytes, body, answer } = await call("GetMetricStatistics", { ...input, ...times });
    expect(body.Datapoints).to.deep.equal([{ Timestamp: NOW / 1_000 - 30, Unit: "None", Sum: 1.5 }]);
    expect(bytes.toString("hex")).to.contain(Buffer.from("Timestamp").toString("hex").concat("c1"));
    expect(answer.headers.get("smithy-protocol")).to.equal("rpc-v2-cbor");
    const refused = await call("GetMetricStatistics", { ...input, ...times, Period: 7 });
    expect([refused.answer.status, refused.body.__type]).to.deep.equal([
      400,
      "InvalidParameterValueException",
    ]);
    expect(refused.answer.headers.get("x-amzn-query-error")).to.equal("InvalidParameterValue;Sender");
    expect((await call("ListDashboards", {})).answer.status).to.equal(501);
    expect((await call("ListMetrics", {})).body.message).to.contain("not authorized");
  });

  it("takes large requests packed, as the SDK sends them", async () => {
    const many = Array.from({ length: 900 }, (_, index) => ({ MetricName: `metric-${index}`, Value: index }));
    await put(...many);
    expect(cloudWatch.metrics.series).to.have.length(900);
  });

  it("asks whether the caller may, and refuses what is not served or not allowed", async () => {
    expect((await failure(client.send(new ListMetricsCommand({})))).name).to.equal("AccessDeniedException");
    expect((await failure(client.send(new ListDashboardsCommand({})))).message).to.contain(
      "does not serve cloudwatch:ListDashboards",
    );
    await put({ MetricName: "a", Value: 1 });
    expect(asked).to.deep.equal(["cloudwatch:ListMetrics *", "cloudwatch:PutMetricData *"]);
  });

  it("lists metrics by namespace, name and dimensions, page by page", async () => {
    const add = (namespace: string, name: string, dimensions: Record<string, string>) =>
      cloudWatch.metrics.add({ namespace, name, dimensions }, 1);
    add("One", "a", { x: "1" });
    add("One", "a", { x: "2", y: "3" });
    add("Two", "b", {});
    const list = (input: Record<string, unknown>) =>
      cloudWatch.handle("ListMetrics", input) as { Metrics: object[]; NextToken?: string };
    expect(list({ Namespace: "One" }).Metrics).to.have.length(2);
    expect(list({ Dimensions: [{ Name: "y" }] }).Metrics).to.deep.equal([
      {
        Namespace: "One",
        MetricName: "a",
        Dimensions: [
          { Name: "x", Value: "2" },
          { Name: "y", Value: "3" },
        ],
      },
    ]);
    expect(list({ MetricName: "a", Dimensions: [{ Name: "x", Value: "1" }] }).Metrics).to.have.length(1);
    for (let index = 0; index < 600; index += 1) add("Many", `m${index}`, {});
    const first = list({ Namespace: "Many" });
    expect(first.Metrics).to.have.length(500);
    expect(list({ Namespace: "Many", NextToken: first.NextToken }).Metrics).to.have.length(100);
  });

  const refusals: [string, object, string][] = [
    ["AWS's own namespace", { Namespace: "AWS/Lambda", MetricData: [{ MetricName: "a", Value: 1 }] }, "AWS/"],
    ["no figures", { Namespace: "My", MetricData: [] }, "MetricData is required"],
    ["no value", { Namespace: "My", MetricData: [{ MetricName: "a" }] }, "At least one of"],
    ["no number", { Namespace: "My", MetricData: [{ MetricName: "a", Value: Number.NaN }] }, "NaN"],
    [
      "counts of other values",
      { Namespace: "My", MetricData: [{ MetricName: "a", Values: [1], Counts: [1, 2] }] },
      "same size",
    ],
    [
      "a count below one figure",
      { Namespace: "My", MetricData: [{ MetricName: "a", Values: [1, 2], Counts: [1, -5] }] },
      "-5 for parameter Counts",
    ],
    [
      "a count of nothing",
      { Namespace: "My", MetricData: [{ MetricName: "a", Values: [1], Counts: [0] }] },
      "above 0",
    ],
    [
      "a count that is no number",
      { Namespace: "My", MetricData: [{ MetricName: "a", Values: [1], Counts: [Number.NaN] }] },
      "NaN for parameter Counts",
    ],
    [
      "a time long past",
      { Namespace: "My", MetricData: [{ MetricName: "a", Value: 1, Timestamp: 1 }] },
      "two weeks",
    ],
    [
      "a text for a number",
      { Namespace: "My", MetricData: [{ MetricName: "a", Value: "1" }] },
      "must be a number",
    ],
  ];
  for (const [what, input, message] of refusals)
    it(`refuses ${what}, and keeps nothing of the request`, () => {
      const figures = { ...input, MetricData: (input as { MetricData: object[] }).MetricData };
      expect(() => cloudWatch.handle("PutMetricData", figures as never)).to.throw(message);
      expect(cloudWatch.metrics.series).to.deep.equal([]);
    });

  it("keeps its memory within bounds: the oldest minutes go first", async () => {
    const store = new MetricStore({ clock, mostCells: 100 });
    for (let minute = 0; minute < 5_000; minute += 1)
      store.add({ namespace: "n", name: minute < 4_000 ? "old" : "new", dimensions: {} }, 1, {
        at: minute * MINUTE,
      });
    expect(store.series.map(({ name, minutes }) => [name, minutes.size])).to.deep.equal([["new", 50]]);
  });

  it("judges alarms as a minute ends, and tells of every change of state", async () => {
    const seen: Transition[] = [];
    cloudWatch.alarms.define(alarm("high", { ...WATCHED, treatMissingData: "notBreaching" }), (each) =>
      seen.push({ ...each }),
    );
    cloudWatch.start();
    await clock.advance(MINUTE);
    await put({ MetricName: "a", Value: 6 });
    await clock.advance(MINUTE);
    await clock.advance(2 * MINUTE);
    await clock.advance(MINUTE);
    cloudWatch.stop();
    expect(seen.map(({ from, to, at }) => [from, to, (at - NOW) / 1_000])).to.deep.equal([
      ["INSUFFICIENT_DATA", "OK", 30],
      ["OK", "ALARM", 90],
      ["ALARM", "OK", 270],
    ]);
    expect(seen[1]?.reason).to.equal(
      "Threshold Crossed: 1 datapoint [6] was greater than the threshold (5).",
    );
    expect(clock.sleepers).to.equal(0);
  });

  it("describes alarms by state, name and prefix, and sets a state until the next evaluation", async () => {
    const expression = { id: "e", expression: "100 * m", returnData: true };
    const metric = {
      id: "m",
      metric: { ...WATCHED, stat: "Sum", dimensions: { x: "y" } },
      returnData: false,
    };
    cloudWatch.alarms.define(alarm("plain", { ...WATCHED, alarmActions: ["arn:aws:sns:a:b:c"] }), () => {});
    cloudWatch.alarms.define(alarm("math", { metricQueries: [expression, metric] }), () => {});
    const describeAlarms = async (input: object) =>
      (await client.send(new DescribeAlarmsCommand(input))).MetricAlarms ?? [];
    await client.send(
      new SetAlarmStateCommand({ AlarmName: "plain", StateValue: "ALARM", StateReason: "test" }),
    );
    const [plain] = await describeAlarms({ StateValue: "ALARM" });
    expect(plain).to.deep.include({
      AlarmName: "plain",
      StateReason: "test",
      Statistic: "Maximum",
      Threshold: 5,
    });
    expect(plain?.StateUpdatedTimestamp).to.deep.equal(new Date(NOW));
    const [math] = await describeAlarms({ AlarmNamePrefix: "ma" });
    expect(math?.Metrics?.map(({ Id, Expression }) => [Id, Expression])).to.deep.equal([
      ["e", "100 * m"],
      ["m", undefined],
    ]);
    expect(await describeAlarms({ ActionPrefix: "arn:aws:sns" })).to.have.length(1);
    cloudWatch.judgeNow();
    expect(await describeAlarms({ StateValue: "ALARM" })).to.deep.equal([]);
    const unknown = new SetAlarmStateCommand({ AlarmName: "none", StateValue: "OK", StateReason: "-" });
    expect((await failure(client.send(unknown))).name).to.equal("ResourceNotFound");
  });

  it("takes an alarm's definition for what AWS would, and refuses the rest by name", () => {
    const refused: [object, string][] = [
      [{ ...WATCHED, period: 30 }, "multiple of 60"],
      [{ ...WATCHED, statistic: "TM99" }, "TM99 is not served"],
      [{ ...WATCHED, datapointsToAlarm: 2 }, "at most evaluationPeriods"],
      [{ ...WATCHED, comparisonOperator: "Odd" }, "comparisonOperator Odd"],
      [{ ...WATCHED, treatMissingData: "bad" }, 'treatMissingData is "bad"'],
      [{ ...WATCHED, period: 3_540, evaluationPeriods: 30 }, "at most 86400 s"],
      [{}, "needs a metricName"],
      [{ metricQueries: [{ id: "e", expression: "m +", returnData: true }] }, "ends too early"],
      [{ metricQueries: [{ id: "e", expression: "1", returnData: false }] }, "0 of its queries return data"],
      [
        { metricQueries: [{ id: "e", expression: "SELECT SUM(a) FROM b", returnData: true }] },
        "needs a period",
      ],
      [{ metricQueries: math("nobody / m") }, 'there is no metric "nobody"'],
      [{ metricQueries: math("e + m") }, '"e" depends on itself'],
      [{ metricQueries: math("METRICS() + METRICS()") }, "takes one metric, not several"],
    ];
    for (const [values, message] of refused)
      expect(() => alarm("bad", values), message)
        .to.throw(`Metric alarm "bad": `)
        .with.property("message")
        .that.contains(message);
    expect(alarm("table", { ...WATCHED, namespace: "AWS/DynamoDB" }).rule.treatMissingData).to.equal(
      "ignore",
    );
  });
});
