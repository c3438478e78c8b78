/**
 * Subscription filters of log groups: lines that match go to their function, in batches of one stream, invoked
 * asynchronously.
 * Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html
 *
 * Differs from AWS: destinations are Lambda functions only; lines come after half a second; no control messages, which
 * AWS sends to streams.
 */
import { type PropertyMap, plain, type ResourceNode } from "../engine/graph.ts";
import { compileLogFilter } from "../kit/log-filter.ts";
import { functionNameOf, mayInvoke } from "../lambda/permission.ts";
import type { LogEvent } from "../services/logs-store.ts";
import { LogBatches } from "./log-group/batches.ts";
import { toEvent } from "./log-group/event.ts";
import type { RunningSource, Source, SourceContext } from "./source.ts";

/** CloudWatch Logs' principals: https://docs.aws.amazon.com/lambda/latest/dg/services-cloudwatchlogs.html */
const principals = (region: string): string[] => ["logs.amazonaws.com", `logs.${region}.amazonaws.com`];

interface Filter {
  name: string;
  logGroup: string;
  functionName: string;
  owner: string;
  passes(message: string): boolean;
}

const compile = (pattern: string, fail: (what: string) => never): Filter["passes"] => {
  try {
    return compileLogFilter(pattern);
  } catch (error) {
    return fail((error as Error).message);
  }
};

/** @throws Error naming the filter, when AWS would not take it or nothing here stands for it */
const readFilter = (node: ResourceNode, context: SourceContext): Filter => {
  const fail = (what: string): never => {
    throw new Error(`Log subscription filter "${node.name}": ${what}`);
  };
  const values = plain(node.outputs) as PropertyMap;
  const [logGroup, destination] = [String(values.logGroup), String(values.destinationArn)];
  const [, , service, region = "", owner = ""] = destination.split(":");
  if (service !== "lambda")
    fail(`its destination ${destination} is no Lambda function, the only kind served here.`);
  const functionName = functionNameOf(destination);
  if (!context.pool.has(functionName)) fail(`there is no function "${functionName}".`);
  if (!context.services.logs.hasGroup(logGroup)) fail("The specified log group does not exist.");
  const sourceArn = `arn:aws:logs:${region}:${owner}:log-group:${logGroup}:*`;
  const allowed = principals(region).some((principal) =>
    mayInvoke(context.graph, destination, { service: principal, sourceArn }),
  );
  if (!allowed)
    fail(
      `Could not execute the lambda function. Make sure you have given CloudWatch Logs permission to execute your function: "${functionName}" needs a lambda permission for logs.amazonaws.com with the sourceArn ${sourceArn}.`,
    );
  const pattern = typeof values.filterPattern === "string" ? values.filterPattern : "";
  return { name: String(values.name), logGroup, functionName, owner, passes: compile(pattern, fail) };
};

const start = async (node: ResourceNode, context: SourceContext): Promise<RunningSource> => {
  const filter = readFilter(node, context);
  const { logGroup, functionName, owner, name } = filter;
  const report = (error: Error): void =>
    context.log(`Log subscription filter "${node.name}": lines are lost: ${error.message}`);
  const deliver = (logStream: string, events: readonly LogEvent[]): void => {
    const event = toEvent(events, { owner, logGroup, logStream, subscriptionFilter: name });
    context.trace.emit({ kind: "log-batch", filter: node.name, logGroup, size: events.length });
    void context.asyncInvoke.invoke(functionName, event).catch(report);
  };
  const batches = new LogBatches({ clock: context.clock, passes: filter.passes, deliver });
  const end = context.services.logs.onAppend(logGroup, (stream, events) => batches.add(stream, events));
  return {
    name: `${logGroup} -> ${functionName}`,
    async stop() {
      end();
      batches.stop();
    },
  };
};

export const source: Source = {
  types: ["aws:cloudwatch/logSubscriptionFilter:LogSubscriptionFilter"],
  family: ["aws:lambda/permission:"],
  start,
};
