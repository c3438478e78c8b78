/**
 * What the error action of a topic rule gets. Pure.
 * Source: https://docs.aws.amazon.com/iot/latest/developerguide/rule-error-handling.html
 */
import type { PublishedMessage } from "../../kit/rule-sql.ts";
import type { RuleAction } from "./rule.ts";

/** An action that could not be done, and why. */
export interface FailedAction {
  action: RuleAction;
  error: Error;
}

const NAMES: Record<RuleAction["kind"], string> = { kinesis: "KinesisAction", lambda: "LambdaAction" };

const resourceOf = (action: RuleAction): string =>
  action.kind === "kinesis" ? action.streamName : action.functionArn;

/** One for a message and rule, whatever number of its actions failed. */
export const toFailure = (
  ruleName: string,
  message: PublishedMessage,
  failures: readonly FailedAction[],
): object => ({
  ruleName,
  topic: message.topic,
  cloudwatchTraceId: message.uuid(),
  clientId: message.clientId,
  base64OriginalPayload: message.payload.toString("base64"),
  failures: failures.map(({ action, error }) => ({
    failedAction: NAMES[action.kind],
    failedResource: resourceOf(action),
    errorMessage: `${error.message} Message arrived on: ${message.topic}, Action: ${action.kind}`,
  })),
});
