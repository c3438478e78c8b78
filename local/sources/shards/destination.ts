/**
 * Where batches go that could not be processed.
 * Sources: https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html,
 * https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
 */
import type { SourceContext } from "../source.ts";
import { type RecordForm, type ShardPlace, type ShardRecord, toEvent } from "./record.ts";
import type { MappingSettings } from "./settings.ts";

export interface Discard<R extends ShardRecord> {
  records: readonly R[];
  condition: "RetryAttemptsExhausted" | "RecordAgeExceeded";
  /** Of the last invocation. */
  requestId: string;
  functionArn: string;
  /** How often the records were invoked; at least 1 is told. */
  invokeCount: number;
  /** What the last invocation said; absent when the function was not to blame. */
  response?: { executedVersion: string; functionError: string | null };
}

const iso = (time: number): string => new Date(time).toISOString();

/** What queues and topics get; S3 gets the records as well. */
const toFailureRecord = (
  discard: Discard<ShardRecord>,
  { place, form, now }: { place: ShardPlace; form: Pick<RecordForm<never>, "batchInfo">; now: number },
): object => {
  const [first, last] = [discard.records[0], discard.records.at(-1)];
  const { executedVersion, functionError } = discard.response ?? {};
  return {
    requestContext: {
      requestId: discard.requestId,
      functionArn: discard.functionArn,
      condition: discard.condition,
      approximateInvokeCount: Math.max(1, discard.invokeCount),
    },
    ...(discard.response && discard.condition === "RetryAttemptsExhausted"
      ? { responseContext: { statusCode: 200, executedVersion, functionError } }
      : {}),
    version: "1.0",
    timestamp: iso(now),
    [form.batchInfo]: {
      shardId: place.shardId,
      startSequenceNumber: first?.sequenceNumber,
      endSequenceNumber: last?.sequenceNumber,
      approximateArrivalOfFirstRecord: iso(first?.arrival ?? now),
      approximateArrivalOfLastRecord: iso(last?.arrival ?? now),
      batchSize: discard.records.length,
      streamArn: place.streamArn,
    },
  };
};

/** `aws/lambda/<mapping>/<shard>/YYYY/MM/DD/YYYY-MM-DDTHH.MM.SS-<uuid>` */
const failureKey = (mappingId: string, shardId: string, now: number, uuid: string): string => {
  const [date = "", time = ""] = iso(now).slice(0, 19).split("T");
  return `aws/lambda/${mappingId}/${shardId}/${date.replaceAll("-", "/")}/${date}T${time.replaceAll(":", ".")}-${uuid}`;
};

/** A version 4 UUID from the runtime's own randomness. */
export const uuidFrom = (random: () => number): string => {
  const digit = () => Math.floor(random() * 16).toString(16);
  const variant = () => (8 + Math.floor(random() * 4)).toString(16);
  return "xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx".replace(/[xy]/g, (place) =>
    place === "x" ? digit() : variant(),
  );
};

/** Refuses a destination that AWS would not take, at start and not when data is at stake. */
export const checkDestination = (mapping: MappingSettings): void => {
  const service = mapping.onFailure?.split(":")[2];
  if (service === undefined || ["s3", "sqs", "sns"].includes(service)) return;
  throw new Error(
    `Event source mapping "${mapping.name}": its on-failure destination ${mapping.onFailure} is no bucket, queue or topic; AWS takes only these.`,
  );
};

export class Destination<R extends ShardRecord> {
  readonly #form: RecordForm<R>;
  readonly #mapping: MappingSettings;
  readonly #context: SourceContext;

  constructor(form: RecordForm<R>, mapping: MappingSettings, context: SourceContext) {
    this.#form = form;
    this.#mapping = mapping;
    this.#context = context;
  }

  /**
   * Sends what was given up to the mapping's destination, with the rights of the function's role. As on AWS,
   * records whose destination refuses them are lost; a line on the console says so.
   */
  async send(discard: Discard<R>, place: ShardPlace): Promise<void> {
    const arn = this.#mapping.onFailure;
    if (arn === undefined) return;
    try {
      if (arn.split(":")[2] === "s3") await this.#putObject(arn, discard, place);
      else await this.#tell(arn, discard, place);
    } catch (error) {
      const { length } = discard.records;
      this.#context.log(
        `Event source mapping "${this.#mapping.name}": ${length} records of ${place.shardId} are lost, because ${arn} refused them: ${(error as Error).message}`,
      );
    }
  }

  async #putObject(arn: string, discard: Discard<R>, place: ShardPlace): Promise<void> {
    const now = this.#context.clock.now();
    const bucket = arn.split(":::")[1] ?? "";
    const key = failureKey(this.#mapping.id, place.shardId, now, uuidFrom(this.#context.random));
    this.#require("s3:ListBucket", arn);
    this.#require("s3:PutObject", `${arn}/${key}`);
    const form = this.#form;
    const body = {
      ...toFailureRecord(discard, { place, form, now }),
      payload: toEvent(discard.records, place, form),
    };
    await this.#context.services.s3.putObject(bucket, key, JSON.stringify(body));
  }

  /** A queue or a topic. */
  async #tell(arn: string, discard: Discard<R>, place: ShardPlace): Promise<void> {
    const isTopic = arn.split(":")[2] === "sns";
    this.#require(isTopic ? "sns:Publish" : "sqs:SendMessage", arn);
    const now = this.#context.clock.now();
    const body = toFailureRecord(discard, { place, form: this.#form, now });
    const { s3, topics } = this.#context.services;
    if (isTopic) await topics.publish(arn, JSON.stringify(body));
    else await s3.sendMessage(arn.split(":")[5] ?? "", JSON.stringify(body));
  }

  #require(action: string, resource: string): void {
    const decision = this.#context.callers.authoriseFunction(this.#mapping.functionName, action, resource);
    if (!decision.allowed) throw new Error(decision.message);
  }
}
