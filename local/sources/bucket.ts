/**
 * Notifications of buckets: an object that was written, to a queue or straight to a function.
 * Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventNotifications.html
 *
 * Differs from AWS: a notification leaves at once and once; AWS takes seconds and may repeat it. Deletions, restores and
 * the like are not told.
 */
import { functionNameOf, mayInvoke } from "../lambda/permission.ts";
import type { WrittenObject } from "../services/s3-sqs-sns.ts";
import { type EventPlace, eventNameOf, sequencerOf, toEvent, toTestEvent } from "./bucket/event.ts";
import { type Notification, readNotification, type Target, wants } from "./bucket/settings.ts";
import type { RunningSource, Source, SourceContext } from "./source.ts";

const SERVICE = "s3.amazonaws.com";

const invalid = (notification: Notification, target: Target, what: string): Error =>
  new Error(
    `Bucket notification "${notification.name}": Unable to validate the following destination configurations: "${target.id}", ${target.arn}: ${what}`,
  );

/** S3 tries every target when it is configured. */
const checkTarget = (notification: Notification, target: Target, context: SourceContext): void => {
  const sourceArn = `arn:aws:s3:::${notification.bucket}`;
  const sender = { service: SERVICE, sourceArn };
  if (target.kind === "queue") {
    if (!context.services.queues.has(target.arn)) throw invalid(notification, target, "it does not exist.");
    try {
      context.services.queues.requireSender(sender, target.arn);
    } catch (error) {
      throw invalid(notification, target, (error as Error).message);
    }
    return;
  }
  const functionName = functionNameOf(target.arn);
  if (!context.pool.has(functionName)) throw invalid(notification, target, "it does not exist.");
  if (mayInvoke(context.graph, target.arn, sender)) return;
  throw invalid(
    notification,
    target,
    `it needs a lambda permission for ${SERVICE} with the sourceArn ${sourceArn}.`,
  );
};

/** One bucket's notification at work. */
class Notifier {
  readonly #notification: Notification;
  readonly #context: SourceContext;
  #count = 0;

  constructor(notification: Notification, context: SourceContext) {
    this.#notification = notification;
    this.#context = context;
  }

  /** What S3 sends to queues, and not to functions, before anything else. */
  async test(): Promise<void> {
    const { bucket, targets } = this.#notification;
    const body = JSON.stringify(toTestEvent(bucket, { now: this.#context.clock.now(), ...this.#ids() }));
    const queues = targets.filter(({ kind }) => kind === "queue");
    await Promise.all(queues.map(({ arn }) => this.#send(arn, body)));
  }

  notify(object: WrittenObject): void {
    const { bucket, targets } = this.#notification;
    if (object.bucket !== bucket) return;
    const eventName = eventNameOf(object);
    for (const target of targets.filter((each) => wants(each, eventName, object.key))) {
      const event = toEvent(object, this.#place(target));
      this.#deliver(target, event).then(
        (known) => this.#trace(target, object, { eventName, ...known }),
        ({ message }: Error) =>
          this.#context.log(
            `Bucket notification "${this.#notification.name}": "${object.key}" is lost, because ${target.arn} refused it: ${message}`,
          ),
      );
    }
  }

  /** @returns what the target knows the event by */
  async #deliver(target: Target, event: object): Promise<{ messageId: string } | { requestId: string }> {
    if (target.kind === "queue") return { messageId: await this.#send(target.arn, JSON.stringify(event)) };
    return this.#context.asyncInvoke.invoke(functionNameOf(target.arn), event);
  }

  #send(queueArn: string, body: string): Promise<string> {
    const sender = { service: SERVICE, sourceArn: `arn:aws:s3:::${this.#notification.bucket}` };
    return this.#context.services.queues.sendFrom(sender, queueArn, { body });
  }

  #place({ id, arn }: Target): EventPlace {
    const [, , , region = "", account = ""] = arn.split(":");
    const now = this.#context.clock.now();
    this.#count += 1;
    const sequencer = sequencerOf(now, this.#count);
    return { region, account, configurationId: id, now, sequencer, ...this.#ids() };
  }

  #ids(): Pick<EventPlace, "requestId" | "hostId"> {
    const digits = (count: number): string =>
      Array.from({ length: count }, () => Math.floor(this.#context.random() * 16).toString(16)).join("");
    return {
      requestId: digits(16).toUpperCase(),
      hostId: Buffer.from(digits(96), "hex").toString("base64"),
    };
  }

  #trace({ id, arn }: Target, { bucket, key }: WrittenObject, known: { eventName: string }): void {
    const { trace, clock } = this.#context;
    trace.emit({ kind: "notification", at: clock.now(), bucket, key, target: arn, id, ...known });
  }
}

const start = async (notification: Notification, context: SourceContext): Promise<RunningSource> => {
  for (const target of notification.targets) checkTarget(notification, target, context);
  const notifier = new Notifier(notification, context);
  await notifier.test();
  const end = context.services.s3.onCreated((object) => notifier.notify(object));
  const names = notification.targets.map(({ arn }) => arn.split(":").at(-1));
  return {
    name: `${notification.bucket} -> ${names.join(", ")}`,
    async stop() {
      end();
    },
  };
};

export const source: Source = {
  types: ["aws:s3/bucketNotification:BucketNotification"],
  family: ["aws:lambda/permission:", "aws:sqs/queuePolicy:"],
  start: (node, context) => start(readNotification(node), context),
};
