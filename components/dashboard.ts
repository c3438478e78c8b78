import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { Component, type ComponentArgs } from "./component.ts";
import { whenFinished } from "./finaliser.ts";
import { argumentError } from "./internal/arguments.ts";
import { type DashboardContent, dashboardBody, type Figure } from "./internal/dashboard.ts";
import { applyTransform, type Transform } from "./internal/transform.ts";
import { type MadeResource, stackResources } from "./stack-resources.ts";
import { type Watched, watchedAmong } from "./watched.ts";

export interface DashboardArgs extends ComponentArgs {
  /**
   * The program's own metrics, a graph each: `{ title: "Readings", namespace: "Telemetry", dimension: "service",
   * metrics: ["readingsAccepted"] }`.
   * @default none
   */
  figures?: Figure[];
  /** The last word on the dashboard. */
  transform?: { dashboard?: Transform<aws.cloudwatch.DashboardArgs> };
}

/** https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutDashboard.html */
const NAME = /^[A-Za-z0-9_-]{1,255}$/;

/**
 * One dashboard of everything that the stack has: its alarms, and a row per API, function, stream, queue and table.
 *
 * Create it before all else, as `Alarms`: it takes note of every resource, and is made when the program has made its
 * last one. A new function has its row without a word; rows follow the order of the program.
 *
 * ```ts
 * new Dashboard("dashboard", { figures: [{ title: "Orders", namespace: "Shop", dimension: "service", metrics: ["ordersPlaced"] }] });
 * ```
 *
 * Its name is the project's and the stack's, so that people find it. Cost driver: 3 $ a month beyond the account's first
 * three dashboards; AWS's own metrics, which is nearly all of it, cost nothing.
 * Failure path: none; a metric that is not there is an empty line. Locally it is declared only.
 * Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Dashboards.html
 */
export class Dashboard extends Component {
  /** Its name. */
  readonly name: string;
  /** Where people see it. */
  readonly url: pulumi.Output<string>;

  private readonly args: DashboardArgs;
  private readonly made: readonly MadeResource[];
  private readonly region: pulumi.Output<string>;

  constructor(name: string, args: DashboardArgs = {}, opts?: pulumi.ComponentResourceOptions) {
    super("Dashboard", name, args, opts);
    this.name = `${pulumi.getProject()}-${pulumi.getStack()}`.replaceAll(".", "-");
    this.validate(args);
    this.args = args;
    this.made = stackResources();
    this.region = aws.getRegionOutput({}, { parent: this }).region;
    this.url = this.region.apply((region) => consoleUrl(region, this.name));
    whenFinished(`Dashboard/${name}`, () => this.createDashboard());
    this.registerOutputs({ url: this.url });
  }

  private validate(args: DashboardArgs): void {
    this.refuseUnknown(args, { figures: true, transform: true, tags: true });
    if (NAME.test(this.name)) return;
    throw argumentError(
      { noun: this.noun, name: this.componentName },
      `"${this.name}" (project and stack) cannot name a dashboard: AWS allows 255 letters, digits, - and _.`,
    );
  }

  /** Runs after everything else of the program, but for what was declared later and waits as well. */
  private createDashboard(): void {
    const content = contentOf(watchedAmong(this.made), alarmsAmong(this.made));
    const fixed = {
      heading: `# ${this.name}\nMade by the program: changes here are lost.`,
      figures: this.args.figures ?? [],
    };
    const dashboardBodyText = pulumi
      .all([this.region, content])
      .apply(([region, shown]) => dashboardBody({ ...fixed, ...shown, region }));
    const [dashboardArgs, opts] = applyTransform<aws.cloudwatch.DashboardArgs>(
      this.args.transform?.dashboard,
      { dashboardName: this.name, dashboardBody: dashboardBodyText },
      this.child(),
    );
    new aws.cloudwatch.Dashboard(`${this.componentName}-dashboard`, dashboardArgs, opts);
  }
}

type Content = Omit<DashboardContent, "region" | "heading" | "figures">;

const alarmsAmong = (made: readonly MadeResource[]): pulumi.Output<string>[] =>
  made
    .filter(({ type }) => type === "aws:cloudwatch/metricAlarm:MetricAlarm")
    .map(({ resource }) => (resource as aws.cloudwatch.MetricAlarm).arn);

/** Things with their names known: one Output for all of them, since one for each would be hundreds. */
const named = <T extends { id: pulumi.Output<string> }>(things: readonly T[]) =>
  pulumi
    .all(things.map(({ id }) => id))
    .apply((ids) => things.map((thing, index) => ({ ...thing, id: ids[index] ?? "" })));

function contentOf(watched: Watched, alarms: pulumi.Output<string>[]): pulumi.Output<Content> {
  const functions = watched.functions.map(({ name, functionName }) => ({
    title: name.replace(/-function$/, ""),
    id: functionName,
  }));
  const readers = watched.readers.map(({ name, functionName }) => ({
    title: name.replace(/-mapping$/, ""),
    id: functionName,
  }));
  const content = pulumi.output({
    alarms: pulumi.all(alarms),
    apis: named(watched.apis.map(({ name, apiId }) => ({ title: name, id: apiId }))),
    functions: named(functions),
    timeouts: pulumi.all(watched.functions.map(({ timeout }) => timeout)),
    readers: named(readers),
    streams: named(watched.streams.map(({ name, streamName }) => ({ title: name, id: streamName }))),
    queues: named(
      watched.queues.map(({ name, queueName, isEnd }) => ({ title: name, id: queueName, isEnd })),
    ),
    tables: named(watched.tables.map(({ name, tableName }) => ({ title: name, id: tableName }))),
    topicRules: named(watched.topicRules.map(({ name, ruleName }) => ({ title: name, id: ruleName }))),
  });
  return content.apply(({ timeouts, ...rest }) => ({
    ...rest,
    functions: rest.functions.map((each, index) => ({ ...each, timeout: timeouts[index] ?? 0 })),
  }));
}

/** China's and GovCloud's consoles have hosts of their own. */
function consoleUrl(region: string, name: string): string {
  const host = region.startsWith("cn-")
    ? "console.amazonaws.cn"
    : region.startsWith("us-gov-")
      ? "console.amazonaws-us-gov.com"
      : "console.aws.amazon.com";
  return `https://${region}.${host}/cloudwatch/home?region=${region}#dashboards/dashboard/${name}`;
}
