/**
 * The Lambda proxy integration: invoke within the route's time, and read what comes back.
 *
 * Unsettled, and taken as the design says: 503 when Lambda throttles.
 */

import type { Clock } from "../../kit/clock.ts";
import type { LogContext } from "./access-log.ts";
import type { RouteModel } from "./model.ts";
import { type GatewayResponse, gatewayMessage, toResponse } from "./response.ts";

/** The part of an invocation's outcome that the gateway reads. */
interface Invocation {
  requestId: string;
  status: string;
  payload: string;
  errorType?: string | undefined;
}

/** The trace id is the one in the event's headers, so that both name one trace. */
export type Invoke = (
  route: Pick<RouteModel, "functionName" | "functionArn">,
  payload: string,
  traceId: string,
) => Promise<Invocation>;

/** What goes to the function. */
export interface Delivery {
  stage: string;
  payload: string;
  traceId: string;
}

interface Failure {
  failure: string;
  status: 500 | 503;
}

const NOT_PERMITTED =
  "The IAM role configured on the integration or API Gateway doesn't have permissions to call the integration. Check the permissions and try again.";
const NOT_READABLE =
  "The response from the Lambda function doesn't match the format that API Gateway expects. Check the configuration for your API and the code for your Lambda function.";

const refused = (error: Error): Failure => ({
  failure: error.message,
  status: error.name === "TooManyRequestsException" ? 503 : 500,
});

const withinTime = async (
  work: Promise<Invocation>,
  timeoutMs: number,
  clock: Clock,
): Promise<Invocation | Failure> => {
  const timer = new AbortController();
  const late: Failure = { failure: `Endpoint request timed out after ${timeoutMs} ms`, status: 503 };
  const timeout = clock.sleep(timeoutMs, timer.signal).then(
    () => late,
    // Aborted because the work was done first: nobody reads this value.
    () => late,
  );
  try {
    return await Promise.race([work.catch(refused), timeout]);
  } finally {
    timer.abort();
  }
};

const failed = (log: LogContext, message: string, status: 500 | 503 = 500): GatewayResponse => {
  log.integrationErrorMessage = message;
  return gatewayMessage(status, status === 503 ? "Service Unavailable" : "Internal Server Error");
};

/** `integrationStatus` is Lambda's answer, `integration.status` the function's. */
const readInvocation = (outcome: Invocation, log: LogContext): GatewayResponse => {
  log["integration.requestId"] = outcome.requestId;
  log.integrationStatus = 200;
  if (outcome.status !== "ok") {
    const reason = outcome.errorType ?? outcome.status;
    return failed(
      log,
      `The Lambda function returned the following error: ${reason}. Check your Lambda function code and try again.`,
    );
  }
  const response = toResponse(outcome.payload);
  if (response === undefined) return failed(log, NOT_READABLE);
  log["integration.status"] = response.status;
  return response;
};

/** Invokes the route's function; `log` gets the `$context` variables of the integration. Never rejects. */
export const integrate = async (
  route: RouteModel,
  { stage, payload, traceId }: Delivery,
  { clock, invoke, log }: { clock: Clock; invoke: Invoke; log: LogContext },
): Promise<GatewayResponse> => {
  if (!route.permitted(stage)) return failed(log, NOT_PERMITTED);
  const startedAt = clock.now();
  const outcome = await withinTime(invoke(route, payload, traceId), route.timeoutMs, clock);
  log.integrationLatency = clock.now() - startedAt;
  if (!("failure" in outcome)) return readInvocation(outcome, log);
  log.integrationStatus = outcome.status;
  return failed(log, outcome.failure, outcome.status);
};
