/**
 * The queues of the embedded SQS as the runtime itself uses them: made from the program's graph, received from by event
 * source mappings, and sent to by AWS services, which a queue's policy must let in.
 */
import { evaluatePolicies, type PolicyDocument, type PolicyStatement, parsePolicy } from "../lambda/iam.ts";
import type { QueueLevel } from "./aws-figures.ts";
import type { ClockedQueue } from "./clocked-queue.ts";
import { ServiceError } from "./faults.ts";
import type { Fauxqs } from "./fauxqs.ts";
import type { Received } from "./queue-messages.ts";
import type { Place } from "./service.ts";

/** An AWS service, acting for one of its resources. */
export interface Sender {
  /** E.g. `s3.amazonaws.com`. */
  readonly service: string;
  /** ARN of the bucket, rule, topic, ... */
  readonly sourceArn: string;
}

export interface OutgoingMessage {
  readonly body: string;
  /** In the form of the wire. */
  readonly attributes?: Readonly<Record<string, { DataType: string; StringValue?: string }>>;
  /** Of a FIFO queue. */
  readonly groupId?: string;
  readonly deduplicationId?: string;
}

type Attributes = Readonly<Record<string, string>>;

const missing = (): ServiceError =>
  new ServiceError("AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.");

const denied = ({ service, sourceArn }: Sender, queue: string): ServiceError =>
  new ServiceError(
    "AccessDenied",
    `${service} is not authorized to perform: sqs:SendMessage on resource: ${queue} for ${sourceArn}, because no statement of the queue's policy allows it.`,
    { status: 403 },
  );

/** Whether a statement is about an AWS service. */
const isAbout = (statement: PolicyStatement & { Principal?: unknown }, service: string): boolean => {
  const { Principal: principal } = statement;
  if (principal === "*") return true;
  const { Service: services, AWS: accounts } = (principal ?? {}) as { Service?: unknown; AWS?: unknown };
  return accounts === "*" || [services].flat().includes(service);
};

/**
 * Whether a queue's policy lets an AWS service send for its resource. What happens on this machine counts as TLS.
 * Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-basic-examples-of-sqs-policies.html
 */
export const maySend = (
  policy: string | undefined,
  sender: Sender,
  queue: { arn: string; account: string },
): boolean => {
  if (!policy) return false;
  const document: PolicyDocument = parsePolicy(policy);
  const about = [document.Statement].flat().filter((statement) => isAbout(statement, sender.service));
  const context = {
    "aws:SourceArn": sender.sourceArn,
    "aws:SourceAccount": sender.sourceArn.split(":")[4] || queue.account,
    "aws:SecureTransport": "true",
  };
  return evaluatePolicies([{ Statement: about }], "sqs:SendMessage", queue.arn, context) === "allow";
};

export class MessageQueues {
  readonly #fauxqs: Fauxqs;
  readonly #place: Place;

  constructor(fauxqs: Fauxqs, place: Place) {
    this.#fauxqs = fauxqs;
    this.#place = place;
  }

  /**
   * Makes a queue, or gives one that is there these attributes; its messages stay.
   * @param host host and port in the queue's URL. @returns the queue's URL. @throws ServiceError
   */
  async define(name: string, attributes: Attributes = {}, host = "127.0.0.1:4566"): Promise<string> {
    const existing = this.#fauxqs.queue(name);
    if (existing) {
      existing.setAttributes({ ...attributes });
      return existing.url;
    }
    const { QueueUrl } = await this.#call("CreateQueue", { QueueName: name, Attributes: attributes }, host);
    return String(QueueUrl);
  }

  /** Changes what a queue's other resources say, e.g. its policy. @throws ServiceError */
  setAttributes(reference: string, attributes: Attributes): void {
    this.#queue(reference).setAttributes({ ...attributes });
  }

  attributes(reference: string): Attributes {
    return this.#queue(reference).attributes;
  }

  /** What each queue holds. @param now milliseconds since the epoch */
  levels(now: number): QueueLevel[] {
    return this.#fauxqs.levels(now);
  }

  has(reference: string): boolean {
    return this.#fauxqs.queue(reference) !== undefined;
  }

  /** @param reference name, URL or ARN. @returns the message's id. @throws ServiceError */
  async send(reference: string, message: OutgoingMessage): Promise<string> {
    const { MessageId } = await this.#call("SendMessage", {
      QueueUrl: this.#queue(reference).url,
      MessageBody: message.body,
      ...(message.attributes ? { MessageAttributes: message.attributes } : {}),
      ...(message.groupId === undefined ? {} : { MessageGroupId: message.groupId }),
      ...(message.deduplicationId === undefined ? {} : { MessageDeduplicationId: message.deduplicationId }),
    });
    return String(MessageId);
  }

  /** The same for an AWS service. @throws ServiceError AccessDenied (403) unless the queue's policy lets it in */
  async sendFrom(sender: Sender, reference: string, message: OutgoingMessage): Promise<string> {
    this.requireSender(sender, reference);
    return this.send(reference, message);
  }

  /** @throws ServiceError AccessDenied (403) unless the queue's policy lets the service in */
  requireSender(sender: Sender, reference: string): void {
    const { arn, attributes } = this.#queue(reference);
    if (maySend(attributes.Policy, sender, { arn, account: this.#place.account })) return;
    throw denied(sender, arn);
  }

  /** At once, whatever is there. @throws ServiceError */
  receive(reference: string, max: number): Received[] {
    return this.#queue(reference).take(max, undefined, (arn) => this.#fauxqs.queue(arn));
  }

  delete(reference: string, receiptHandle: string): void {
    this.#queue(reference).deleteMessage(receiptHandle);
  }

  /** Makes a received message visible after so many seconds. */
  changeVisibility(reference: string, receiptHandle: string, seconds: number): void {
    this.#queue(reference).changeVisibility(receiptHandle, seconds);
  }

  /** Calls `listener` whenever there may be something to receive. @returns how to end that */
  onReady(reference: string, listener: () => void): () => void {
    return this.#queue(reference).onReady(listener);
  }

  #queue(reference: string): ClockedQueue {
    const queue = this.#fauxqs.queue(reference);
    if (queue === undefined) throw missing();
    return queue;
  }

  async #call(operation: string, input: object, host = "127.0.0.1"): Promise<Record<string, unknown>> {
    const answer = await this.#fauxqs.app.inject({
      method: "POST",
      url: "/",
      headers: {
        host,
        "content-type": "application/x-amz-json-1.0",
        "x-amz-target": `AmazonSQS.${operation}`,
      },
      payload: JSON.stringify(input),
    });
    const body: Record<string, unknown> = JSON.parse(answer.body);
    if (answer.statusCode === 200) return body;
    throw new ServiceError(String(body.__type), String(body.message), { status: answer.statusCode });
  }
}
