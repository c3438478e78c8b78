/** What made a function run: what carried it there, and which call of which function began that. Pure. */
import type { TraceEvent } from "../../local/kit/trace.ts";
import { type Call, type Facts, type Invocation, textOf } from "./facts.ts";

export interface Cause {
  /** What carried it, in order, e.g. a bus, a rule and a queue. */
  carriers: string[];
  /** Undefined when it came from outside. */
  call: Call | undefined;
}

/** Logical names tell more than what is appended to them. */
export const shortName = (name: string): string =>
  name.replace(/(?:-function)?-[0-9a-f]{7}(?=\.fifo$|$)/, "");

const lastPart = (arn: string): string => shortName(arn.split(/[:/]/).at(-1) ?? arn);

/** A call may end after what it caused has begun; clocks are whole milliseconds. */
const TOLERANCE_MS = 2;

/** The last call before the function ran that may have caused it. */
const lastCall = (
  { calls }: Facts,
  invocation: Invocation,
  fits: (call: Call) => boolean,
): Call | undefined =>
  calls
    .filter((call) => call.invocation !== invocation && fits(call))
    .filter((call) => call.startedAt <= invocation.startedAt + TOLERANCE_MS)
    .sort((a, b) => b.startedAt - a.startedAt)[0];

const WRITES = /^(?:Put|Update|Delete|BatchWrite|TransactWrite|Execute)/;

const throughBus = (facts: Facts, invocation: Invocation, event: TraceEvent): Cause => {
  const [bus, rule] = [textOf(event.bus), textOf(event.rule)];
  return {
    carriers: [`bus ${shortName(bus)}`, `rule ${shortName(rule)}`],
    call: lastCall(
      facts,
      invocation,
      ({ service, resource }) => service === "events" && resource.endsWith(`/${bus}`),
    ),
  };
};

const throughBucket = (facts: Facts, invocation: Invocation, { bucket }: TraceEvent): Cause => ({
  carriers: [`bucket ${shortName(textOf(bucket))}`],
  call: lastCall(
    facts,
    invocation,
    ({ service, resource }) => service === "s3" && resource.startsWith(`arn:aws:s3:::${textOf(bucket)}/`),
  ),
});

/** Into a queue, directly or by a rule or a bucket's notification. */
const throughQueue = (facts: Facts, invocation: Invocation, batch: TraceEvent): Cause => {
  const arn = textOf(batch.source);
  const ids: readonly unknown[] = Array.isArray(batch.messageIds) ? batch.messageIds : [];
  const queue = `queue ${lastPart(arn)}`;
  const event = facts.of("event").find(({ messageId }) => messageId !== undefined && ids.includes(messageId));
  const notification = facts
    .of("notification")
    .find(({ messageId }) => messageId !== undefined && ids.includes(messageId));
  if (event !== undefined) {
    const { carriers, call } = throughBus(facts, invocation, event);
    return { carriers: [...carriers, queue], call };
  }
  if (notification !== undefined) {
    const { carriers, call } = throughBucket(facts, invocation, notification);
    return { carriers: [...carriers, queue], call };
  }
  return {
    carriers: [queue],
    call: lastCall(facts, invocation, (call) => call.service === "sqs" && call.resource === arn),
  };
};

const throughTable = (facts: Facts, invocation: Invocation, arn: string): Cause => {
  const [table = ""] = arn.split("/stream/");
  return {
    carriers: [`table ${lastPart(table)}`],
    call: lastCall(
      facts,
      invocation,
      ({ service, operation, resource }) =>
        service === "dynamodb" && WRITES.test(operation) && resource.startsWith(table),
    ),
  };
};

const throughBatch = (facts: Facts, invocation: Invocation, batch: TraceEvent): Cause => {
  const arn = textOf(batch.source);
  const service = arn.split(":")[2];
  if (service === "sqs") return throughQueue(facts, invocation, batch);
  if (service === "dynamodb") return throughTable(facts, invocation, arn);
  return {
    carriers: [`stream ${lastPart(arn)}`],
    call: lastCall(facts, invocation, (call) => call.service === "kinesis" && call.resource === arn),
  };
};

/** Undefined when nothing tells what made the function run. */
export const causeOf = (facts: Facts, invocation: Invocation): Cause | undefined => {
  const isAbout = ({ requestId }: TraceEvent): boolean => requestId === invocation.requestId;
  const batch = facts.of("batch").find(isAbout);
  if (batch !== undefined) return throughBatch(facts, invocation, batch);
  const event = facts.of("event").find(isAbout);
  if (event !== undefined) return throughBus(facts, invocation, event);
  const notification = facts.of("notification").find(isAbout);
  return notification && throughBucket(facts, invocation, notification);
};
