/**
 * What a destination or a dead-letter queue gets of an asynchronous invocation. Pure.
 * Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
 */
import type { AsyncCondition } from "../kit/async-retry.ts";
import type { InvokeResult } from "./results.ts";

export interface AsyncResult {
  requestId: string;
  /** With its version: `arn:...:function:name:$LATEST`. */
  functionArn: string;
  condition: AsyncCondition | "Success";
  /** How often the function ran. */
  invokeCount: number;
  /** JSON text. */
  payload: string;
  /** The last run; absent when there was none. */
  response?: Pick<InvokeResult, "functionError" | "payload">;
}

const parse = (json: string): unknown => {
  try {
    return JSON.parse(json);
  } catch {
    return json;
  }
};

const versionOf = (functionArn: string): string => functionArn.split(":")[7] ?? "$LATEST";

/** The last run's answer, in the record's words; nothing when the function was never to blame. */
const responseOf = ({ response, functionArn, condition }: AsyncResult): object => {
  if (response === undefined || condition === "ZeroReservedConcurrency") return {};
  const { functionError, payload } = response;
  return {
    responseContext: {
      statusCode: 200,
      executedVersion: versionOf(functionArn),
      ...(functionError ? { functionError } : {}),
    },
    responsePayload: parse(payload),
  };
};

/** The record for SQS, SNS, S3, a function, or an event's detail. */
export const toInvocationRecord = (result: AsyncResult, now: number): object => ({
  version: "1.0",
  timestamp: new Date(now).toISOString(),
  requestContext: {
    requestId: result.requestId,
    functionArn: result.functionArn,
    condition: result.condition,
    approximateInvokeCount: result.invokeCount,
  },
  requestPayload: parse(result.payload),
  ...responseOf(result),
});

/** `aws/lambda/async/<function>/YYYY/MM/DD/YYYY-MM-DDTHH.MM.SS-<uuid>` */
export const recordKey = (functionName: string, now: number, uuid: string): string => {
  const [date = "", time = ""] = new Date(now).toISOString().slice(0, 19).split("T");
  return `aws/lambda/async/${functionName}/${date.replaceAll("-", "/")}/${date}T${time.replaceAll(":", ".")}-${uuid}`;
};

/** What EventBridge makes of the record. */
export const toInvocationEvent = (result: AsyncResult, destination: string, now: number) => ({
  Source: "lambda",
  DetailType: `Lambda Function Invocation Result - ${result.condition === "Success" ? "Success" : "Failure"}`,
  Resources: [destination, result.functionArn],
  Detail: JSON.stringify(toInvocationRecord(result, now)),
  EventBusName: destination,
});

/** In characters; AWS cuts the message at 1 KB. */
const LONGEST_MESSAGE = 1_024;

const messageOf = (response: AsyncResult["response"]): string => {
  const body = parse(response?.payload ?? "");
  const message = typeof body === "object" && body !== null ? Reflect.get(body, "errorMessage") : undefined;
  return typeof message === "string" ? message.slice(0, LONGEST_MESSAGE) : "";
};

export interface MessageAttribute {
  DataType: "String" | "Number";
  StringValue: string;
}

/**
 * A dead letter's attributes; its body is the event itself.
 * Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html#invocation-dlq
 */
export const deadLetterAttributes = (result: AsyncResult): Record<string, MessageAttribute> => {
  const message = messageOf(result.response) || result.condition;
  const status = result.response === undefined ? 429 : 200;
  return {
    RequestID: { DataType: "String", StringValue: result.requestId },
    ErrorCode: { DataType: "Number", StringValue: String(status) },
    ErrorMessage: { DataType: "String", StringValue: message },
  };
};
