import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { Component, type ComponentArgs } from "./component.ts";
import { whenFinished } from "./finaliser.ts";
import { LOG_QUERIES, type LogQuery, queryText } from "./internal/log-queries.ts";
import { chunks } from "./internal/widgets.ts";
import { type MadeResource, stackResources } from "./stack-resources.ts";
import { watchedAmong } from "./watched.ts";

/** Log groups of one query: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html */
const MOST_GROUPS = 50;

type Groups = Record<LogQuery["of"], pulumi.Input<string>[]>;

/**
 * Queries for CloudWatch Logs Insights, saved under `<project>/<stack>/`, over the log groups of the stack's functions
 * and APIs: by correlation id, errors, slowest invocations, cold starts, what was quarantined, an API's 5xx.
 *
 * Create it before all else, as `Alarms`: a new function is in them without a word. More than 50 log groups are too many
 * for one query, so it is then saved in parts.
 *
 * ```ts
 * new LogQueries("queries");
 * ```
 *
 * Cost driver: nothing while saved; run, 0.005 $ per gigabyte that is scanned. Failure path: none. Locally they are
 * declared only; `npm run logs -- --local` reads the lines.
 * Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_Insights-Saving-Queries.html
 */
export class LogQueries extends Component {
  private readonly made: readonly MadeResource[];

  constructor(name: string, args: ComponentArgs = {}, opts?: pulumi.ComponentResourceOptions) {
    super("LogQueries", name, args, opts);
    this.refuseUnknown(args, { tags: true });
    this.made = stackResources();
    whenFinished(`LogQueries/${name}`, () => this.createQueries());
    this.registerOutputs({});
  }

  /** Runs after everything else of the program: now all log groups are known. */
  private createQueries(): void {
    const { functions, apis } = watchedAmong(this.made);
    const ofFunctions = functions.flatMap((each) => each.logGroup() ?? []);
    const ofApis = apis.flatMap(({ accessLogs }) => accessLogs ?? []);
    const groups: Groups = {
      everything: [...ofApis, ...ofFunctions],
      functions: ofFunctions,
      "access logs": ofApis,
    };
    for (const [name, query] of Object.entries(LOG_QUERIES)) this.createQuery(name, query, groups[query.of]);
  }

  private createQuery(name: string, query: LogQuery, groups: Groups[LogQuery["of"]]): void {
    const parts = chunks(groups, MOST_GROUPS);
    for (const [index, logGroupNames] of parts.entries()) {
      const part = parts.length > 1 ? `-${index + 1}` : "";
      new aws.cloudwatch.QueryDefinition(
        `${this.componentName}-${name}${part}`,
        {
          name: `${pulumi.getProject()}/${pulumi.getStack()}/${name}${part}`,
          logGroupNames,
          queryString: queryText(query),
        },
        this.child(),
      );
    }
  }
}
