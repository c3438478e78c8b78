import * as aws from "@pulumi/aws";
import { expect } from "chai";
import { Alarms } from "../../components/alarms.ts";
import { Dashboard, type DashboardArgs } from "../../components/dashboard.ts";
import { Function } from "../../components/function.ts";
import { Queue } from "../../components/queue.ts";
import { Stream } from "../../components/stream.ts";
import { find, type Registered } from "../helpers/mocks.ts";
import { registeredBy } from "../helpers/stack.ts";

const callback = async () => {};

const bodyOf = (resources: Registered[]): string =>
  String(find(resources, "aws:cloudwatch/dashboard:Dashboard", "dashboard-dashboard").dashboardBody);

const withDashboard = (program: () => void, args: DashboardArgs = {}): Promise<Registered[]> =>
  registeredBy(() => {
    new Dashboard("dashboard", args);
    program();
  });

describe("Dashboard: infrastructure", () => {
  it("is one, named after project and stack, with a row for what the program makes after it", async () => {
    const resources = await withDashboard(() => {
      new Function("greet", { callback, timeout: 7 });
      new Stream("events").subscribe("count", { callback });
      new Queue("jobs");
    });
    const dashboards = resources.filter(({ type }) => type === "aws:cloudwatch/dashboard:Dashboard");
    expect(dashboards.map(({ inputs }) => inputs.dashboardName)).to.deep.equal(["project-test"]);
    const { widgets } = JSON.parse(bodyOf(resources)) as {
      widgets: { properties: { title?: string; markdown?: string } }[];
    };
    const titles = widgets.map(({ properties }) => properties.title ?? properties.markdown);
    expect(titles).to.include.members([
      "greet: runs",
      "events-count: runs",
      "Age of what is read, milliseconds",
      "events-stream: records",
      "Messages waiting",
      "Given up",
    ]);
    expect(bodyOf(resources)).to.include("greet-function-1234567").and.to.include('"value":7000');
  });

  it("shows every alarm of the stack, the program's own too", async () => {
    const resources = await registeredBy(() => {
      new Alarms("alarms");
      new Dashboard("dashboard");
      new Queue("jobs");
      new aws.cloudwatch.MetricAlarm("own", {
        comparisonOperator: "GreaterThanThreshold",
        evaluationPeriods: 1,
      });
    });
    const arns = ["jobs-dead-letters-depth", "jobs-queue-age"].map((name) => `alarms-${name}`);
    for (const name of [...arns, "own"]) expect(bodyOf(resources)).to.include(`arn:aws:test:::${name}`);
  });

  it("draws the program's own figures, and gives transform the last word", async () => {
    const figures = [{ title: "Orders", namespace: "Shop", dimension: "service", metrics: ["placed"] }];
    expect(bodyOf(await withDashboard(() => {}, { figures }))).to.include("{Shop,service}");
    const transform = { dashboard: { dashboardBody: '{"widgets":[]}' } };
    expect(bodyOf(await withDashboard(() => {}, { transform }))).to.equal('{"widgets":[]}');
  });

  it("refuses an unknown argument", async () => {
    let refusal: unknown;
    await withDashboard(() => {}, { figure: [] } as DashboardArgs).catch((error: unknown) => {
      refusal = error;
    });
    expect(String(refusal)).to.include('Dashboard "dashboard": unknown argument "figure"');
  });
});

// Not proven here: how CloudWatch draws it.
