/**
 * A bucket's notification, read from its resource. Pure.
 * Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html
 */
import { type PropertyMap, plain, type ResourceNode } from "../../engine/graph.ts";

export interface Target {
  /** The configuration's id, as the program gives it. */
  id: string;
  kind: "queue" | "function";
  arn: string;
  /** E.g. `s3:ObjectCreated:*`. */
  events: string[];
  prefix: string;
  suffix: string;
}

export interface Notification {
  /** The resource's logical name. */
  name: string;
  bucket: string;
  targets: Target[];
}

type Fail = (what: string) => never;

const KINDS = [
  { list: "queues", kind: "queue", arn: "queueArn" },
  { list: "lambdaFunctions", kind: "function", arn: "lambdaFunctionArn" },
] as const;
const SERVED = /^s3:ObjectCreated:(?:\*|Put|Post|Copy|CompleteMultipartUpload)$/;

const maps = (value: unknown): PropertyMap[] =>
  (Array.isArray(value) ? value : []).filter(
    (each): each is PropertyMap => typeof each === "object" && each !== null && !Array.isArray(each),
  );
const text = (value: unknown): string => (typeof value === "string" ? value : "");

const readTargets = (inputs: PropertyMap, fail: Fail): Target[] =>
  KINDS.flatMap(({ list, kind, arn }) =>
    maps(inputs[list]).map((entry, index) => {
      const events = Array.isArray(entry.events) ? entry.events.map(text) : [];
      const other = events.find((event) => !SERVED.test(event));
      if (other !== undefined) fail(`the event "${other}" is not served locally; s3:ObjectCreated is.`);
      return {
        id: text(entry.id) || `${list}-${index}`,
        kind,
        arn: text(entry[arn]),
        events,
        prefix: text(entry.filterPrefix),
        suffix: text(entry.filterSuffix),
      };
    }),
  );

const shareEvent = (left: Target, right: Target): boolean =>
  left.events.some((one) =>
    right.events.some((other) => one === other || [one, other].some((e) => e.endsWith("*"))),
  );

const overlap = (left: Target, right: Target): boolean =>
  (left.prefix.startsWith(right.prefix) || right.prefix.startsWith(left.prefix)) &&
  (left.suffix.endsWith(right.suffix) || right.suffix.endsWith(left.suffix)) &&
  shareEvent(left, right);

const refuseOverlap = (targets: Target[], fail: Fail): void => {
  for (const [index, target] of targets.entries()) {
    const other = targets.slice(0, index).find((each) => overlap(each, target));
    if (other === undefined) continue;
    fail(
      `Configurations overlap. Configurations on the same bucket cannot share a common event type: "${other.id}" (prefix "${other.prefix}", suffix "${other.suffix}") and "${target.id}" (prefix "${target.prefix}", suffix "${target.suffix}").`,
    );
  }
};

/** @throws Error naming the notification, for what S3 refuses and what is not served */
export const readNotification = (node: ResourceNode): Notification => {
  const fail: Fail = (what) => {
    throw new Error(`Bucket notification "${node.name}": ${what}`);
  };
  const inputs = plain(node.inputs) as PropertyMap;
  if (maps(inputs.topics).length > 0) fail("topics are not served locally; queues and functions are.");
  if (inputs.eventbridge === true) fail("eventbridge is not served locally; queues and functions are.");
  const targets = readTargets(inputs, fail);
  refuseOverlap(targets, fail);
  return { name: node.name, bucket: text(inputs.bucket), targets };
};

/** Whether a target wants this event of this key. */
export const wants = ({ events, prefix, suffix }: Target, eventName: string, key: string): boolean =>
  key.startsWith(prefix) &&
  key.endsWith(suffix) &&
  events.some((event) => event.endsWith(":*") || event === `s3:${eventName}`);
