/**
 * Rules of event buses: what matches goes to functions, invoked asynchronously, and to queues. What a target does not
 * take is tried again with growing waits, then goes to the target's dead letters.
 * Sources: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html,
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
 *
 * Differs from AWS: an event comes once unless its delivery fails half way; events that wait for a retry are in memory.
 */
import type { ResourceNode } from "../engine/graph.ts";
import { throttleMs } from "../kit/async-retry.ts";
import { functionNameOf, mayInvoke } from "../lambda/permission.ts";
import type { BusEvent } from "../services/event-bridge.ts";
import { ServiceError } from "../services/faults.ts";
import { readTarget, type Target } from "./event-bus/target.ts";
import type { RunningSource, Source, SourceContext } from "./source.ts";

const SERVICE = "events.amazonaws.com";

/** What AWS would only tell by failed invocations is told at start: a target that the rule may not reach. */
const checkReach = (target: Target, context: SourceContext): void => {
  const fail = (what: string): never => {
    throw new Error(`Event target "${target.name}": ${what}`);
  };
  const sender = { service: SERVICE, sourceArn: target.ruleArn };
  if (!context.services.events.hasBus(target.bus)) fail(`there is no event bus "${target.bus}".`);
  if (target.kind === "sqs") {
    try {
      context.services.queues.requireSender(sender, target.arn);
    } catch (error) {
      fail((error as Error).message);
    }
    return;
  }
  const functionName = functionNameOf(target.arn);
  if (!context.pool.has(functionName)) fail(`there is no function "${functionName}".`);
  if (mayInvoke(context.graph, target.arn, sender)) return;
  fail(`"${functionName}" needs a lambda permission for ${SERVICE} with the sourceArn ${target.ruleArn}.`);
};

/** Hands events over; never rejects. */
class Delivery {
  readonly #target: Target;
  readonly #context: SourceContext;
  readonly #signal: AbortSignal;

  constructor(target: Target, context: SourceContext, signal: AbortSignal) {
    this.#target = target;
    this.#context = context;
    this.#signal = signal;
  }

  async run(event: BusEvent): Promise<void> {
    const { clock } = this.#context;
    const { maximumAgeMs, maximumRetryAttempts } = this.#target;
    const acceptedAt = clock.now();
    for (let retry = 0; !this.#signal.aborted; retry += 1) {
      try {
        this.#emit(event, "delivered", await this.#send(event));
        return;
      } catch (error) {
        const wait = throttleMs(retry + 1);
        const old = clock.now() + wait - acceptedAt > maximumAgeMs;
        if (retry >= maximumRetryAttempts || old || !isTransient(error)) {
          await this.#giveUp(event, error as Error, retry);
          return;
        }
        await clock.sleep(wait, this.#signal).catch(() => {});
      }
    }
  }

  /** @returns what the target knows the event by */
  async #send(event: BusEvent): Promise<{ requestId: string } | { messageId: string }> {
    const { arn, kind, ruleArn, messageGroupId, payload } = this.#target;
    const body = payload(event);
    if (kind === "lambda") {
      return this.#context.asyncInvoke.invoke(functionNameOf(arn), body);
    }
    // A FIFO queue needs an id of its own where it does not deduplicate by content: the event's.
    const fifo = messageGroupId === undefined ? {} : { groupId: messageGroupId, deduplicationId: event.id };
    const sender = { service: SERVICE, sourceArn: ruleArn };
    return { messageId: await this.#context.services.queues.sendFrom(sender, arn, { body, ...fifo }) };
  }

  /** Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html#eb-dlq-attributes */
  async #giveUp(event: BusEvent, error: Error, retries: number): Promise<void> {
    const { deadLetters, ruleArn, arn } = this.#target;
    this.#emit(event, "given-up");
    try {
      if (deadLetters === undefined) throw new Error("it has no dead-letter queue");
      const attribute = (value: string) => ({ DataType: "String", StringValue: value });
      await this.#context.services.queues.sendFrom({ service: SERVICE, sourceArn: ruleArn }, deadLetters, {
        body: JSON.stringify(event),
        attributes: {
          RULE_ARN: attribute(ruleArn),
          TARGET_ARN: attribute(arn),
          ERROR_CODE: attribute(error instanceof ServiceError ? error.type : error.name),
          ERROR_MESSAGE: attribute(error.message.slice(0, 1_000) || "unknown"),
          ...(retries > 0 ? { RETRY_ATTEMPTS: attribute(String(retries)) } : {}),
        },
      });
    } catch (second) {
      this.#context.log(
        `Event target "${this.#target.name}": event ${event.id} is lost: ${error.message} Then: ${(second as Error).message}`,
      );
    }
  }

  #emit(event: BusEvent, outcome: "delivered" | "given-up", known: object = {}): void {
    this.#context.trace.emit({
      kind: "event",
      target: this.#target.name,
      targetArn: this.#target.arn,
      bus: this.#target.bus,
      rule: this.#target.ruleArn.split("/").at(-1),
      detailType: event["detail-type"],
      eventId: event.id,
      outcome,
      ...known,
    });
  }
}

/** A target that refuses will refuse again; one that is out of order may come back. */
const isTransient = (error: unknown): boolean =>
  !(error instanceof ServiceError && (error.status === 403 || error.type.endsWith("NonExistentQueue")));

const start = async (node: ResourceNode, context: SourceContext): Promise<RunningSource> => {
  const target = readTarget(node, context.graph);
  checkReach(target, context);
  const stopping = new AbortController();
  const delivery = new Delivery(target, context, stopping.signal);
  const end = target.enabled
    ? context.services.events.onEvent(target.bus, (event) => {
        if (target.matches(event)) void delivery.run(event);
      })
    : () => {};
  return {
    name: `${target.bus} -> ${target.arn.split(":").at(-1)}${target.enabled ? "" : " (disabled)"}`,
    async stop() {
      end();
      stopping.abort(new Error("The rule has been stopped."));
    },
  };
};

export const source: Source = {
  types: ["aws:cloudwatch/eventTarget:EventTarget"],
  family: ["aws:cloudwatch/eventRule:", "aws:lambda/permission:", "aws:sqs/queuePolicy:"],
  start,
};
