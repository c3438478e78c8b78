/**
 * Where the records of asynchronous invocations go, with the rights of the function's role.
 * Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
 */
import { randomUUID } from "node:crypto";
import type { Clock } from "../kit/clock.ts";
import {
  type AsyncResult,
  deadLetterAttributes,
  type MessageAttribute,
  recordKey,
  toInvocationEvent,
  toInvocationRecord,
} from "./async-record.ts";
import type { Callers } from "./iam.ts";

/** Sends a record to one kind of AWS resource; rejects when it is not there. */
interface DestinationServices {
  putObject(bucket: string, key: string, body: string): unknown;
  sendMessage(queue: string, body: string, attributes?: Record<string, MessageAttribute>): Promise<unknown>;
  publish(topicArn: string, message: string, attributes?: Record<string, MessageAttribute>): Promise<unknown>;
  putEvent(entry: ReturnType<typeof toInvocationEvent>): Promise<unknown>;
  invoke(functionName: string, payload: object): Promise<unknown>;
}

export interface AsyncDestinationsOptions {
  services: DestinationServices;
  callers: Pick<Callers, "authoriseFunction">;
  clock: Pick<Clock, "now">;
}

const unsupported = (arn: string): Error =>
  new Error(`${arn} is none of a queue, topic, event bus, function or bucket.`);

export class AsyncDestinations {
  readonly #options: AsyncDestinationsOptions;

  constructor(options: AsyncDestinationsOptions) {
    this.#options = options;
  }

  /** @throws Error when the role may not, or the destination refuses. */
  async send(functionName: string, arn: string, result: AsyncResult): Promise<void> {
    const { services, clock } = this.#options;
    const record = toInvocationRecord(result, clock.now());
    switch (arn.split(":")[2]) {
      case "sqs":
        this.#require(functionName, "sqs:SendMessage", arn);
        return void (await services.sendMessage(lastOf(arn), JSON.stringify(record)));
      case "sns":
        this.#require(functionName, "sns:Publish", arn);
        return void (await services.publish(arn, JSON.stringify(record)));
      case "lambda":
        this.#require(functionName, "lambda:InvokeFunction", arn);
        return void (await services.invoke(arn.split(":")[6] ?? "", record));
      case "events":
        this.#require(functionName, "events:PutEvents", arn);
        return void (await services.putEvent(toInvocationEvent(result, arn, clock.now())));
      case "s3":
        return this.#putObject(functionName, arn, record);
      default:
        throw unsupported(arn);
    }
  }

  /** @throws Error when the role may not, or the queue or topic refuses. */
  async sendDeadLetter(functionName: string, arn: string, result: AsyncResult): Promise<void> {
    const { services } = this.#options;
    const attributes = deadLetterAttributes(result);
    if (arn.split(":")[2] === "sns") {
      this.#require(functionName, "sns:Publish", arn);
      await services.publish(arn, result.payload, attributes);
      return;
    }
    this.#require(functionName, "sqs:SendMessage", arn);
    await services.sendMessage(lastOf(arn), result.payload, attributes);
  }

  async #putObject(functionName: string, arn: string, record: object): Promise<void> {
    const { services, clock } = this.#options;
    const key = recordKey(functionName, clock.now(), randomUUID());
    this.#require(functionName, "s3:ListBucket", arn);
    this.#require(functionName, "s3:PutObject", `${arn}/${key}`);
    await services.putObject(arn.split(":::")[1] ?? "", key, JSON.stringify(record));
  }

  #require(functionName: string, action: string, resource: string): void {
    const decision = this.#options.callers.authoriseFunction(functionName, action, resource);
    if (!decision.allowed) throw new Error(decision.message);
  }
}

const lastOf = (arn: string): string => arn.split(":").at(-1) ?? "";
