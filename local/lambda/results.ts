/**
 * What an invocation's caller gets, in AWS's words.
 * Source: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
 */
import type { Exit, RunOutcome } from "./environment.ts";
import { MAX_RESPONSE_BYTES } from "./runtime-api.ts";
import type { FunctionSpec } from "./spec.ts";

export interface InvokeResult {
  requestId: string;
  status: "ok" | "error" | "timeout" | "out-of-memory" | "exited";
  /** JSON text: the function's result, or errorType, errorMessage and trace. */
  payload: string;
  functionError?: "Unhandled" | "Handled";
  errorType?: string;
  coldStart: boolean;
  initDurationMs?: number;
  /** Initialisation excluded. */
  durationMs: number;
}

type Answer = Pick<InvokeResult, "status" | "payload" | "functionError" | "errorType">;

/** Thrown instead of invoking; the API answers 429. */
export class TooManyRequestsException extends Error {
  readonly statusCode = 429;
  readonly reason: string;

  constructor(reason: string) {
    super("Rate Exceeded.");
    this.name = "TooManyRequestsException";
    this.reason = reason;
  }
}

/** Thrown instead of invoking; the API answers 413. */
export class RequestTooLargeException extends Error {
  readonly statusCode = 413;

  constructor(bytes: number, limit: number, type = "RequestResponse") {
    super(`${bytes} byte payload is too large for the ${type} invocation type (limit ${limit} bytes)`);
    this.name = "RequestTooLargeException";
  }
}

/** Thrown instead of invoking; the API answers 404. */
export class ResourceNotFoundException extends Error {
  readonly statusCode = 404;

  constructor(functionName: string) {
    super(`Function not found: ${functionName}`);
    this.name = "ResourceNotFoundException";
  }
}

/** The pool has been stopped. */
export class PoolStoppedError extends Error {
  constructor() {
    super("The Lambda pool has been stopped.");
    this.name = "PoolStoppedError";
  }
}

const failure = (status: InvokeResult["status"], errorType: string, errorMessage: string): Answer => ({
  status,
  functionError: "Unhandled",
  errorType,
  payload: JSON.stringify({ errorType, errorMessage }),
});

const errorTypeOf = (payload: string): string => {
  try {
    const { errorType } = JSON.parse(payload) as { errorType?: unknown };
    return typeof errorType === "string" ? errorType : "Unknown";
  } catch {
    return "Unknown";
  }
};

const describeTimeout = (spec: FunctionSpec, requestId: string): Answer =>
  failure(
    "timeout",
    "Sandbox.Timedout",
    `RequestId: ${requestId} Error: Task timed out after ${(spec.timeoutMs / 1000).toFixed(2)} seconds`,
  );

const describeExit = (exit: Exit, requestId: string): Answer => {
  const end = exit.reason === "" ? "without providing a reason" : `with error: ${exit.reason}`;
  return failure(
    exit.outOfMemory ? "out-of-memory" : "exited",
    exit.outOfMemory ? "Runtime.OutOfMemory" : "Runtime.ExitError",
    `RequestId: ${requestId} Error: Runtime exited ${end}`,
  );
};

export const describeOutcome = (spec: FunctionSpec, outcome: RunOutcome, requestId: string): Answer => {
  switch (outcome.kind) {
    case "response":
      return { status: "ok", payload: outcome.payload };
    case "error":
      return {
        status: "error",
        functionError: "Unhandled",
        errorType: errorTypeOf(outcome.payload),
        payload: outcome.payload,
      };
    case "too-large":
      return failure(
        "error",
        "Function.ResponseSizeTooLarge",
        `Response payload size exceeded maximum allowed payload size (${MAX_RESPONSE_BYTES} bytes).`,
      );
    case "timeout":
      return describeTimeout(spec, requestId);
    case "exited":
      return describeExit(outcome, requestId);
  }
};
