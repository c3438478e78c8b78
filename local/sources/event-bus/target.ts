/**
 * A target of a rule, read from its resource. Pure.
 * Source: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_Target.html
 */
import {
  type Graph,
  type PropertyMap,
  type PropertyValue,
  plain,
  type ResourceNode,
} from "../../engine/graph.ts";
import { compileEventPattern, type FilterDocument } from "../../kit/filter.ts";
import type { BusEvent } from "../../services/event-bridge.ts";

const RULE = "aws:cloudwatch/eventRule:EventRule";

export interface Target {
  /** The resource's logical name. */
  name: string;
  bus: string;
  ruleArn: string;
  enabled: boolean;
  /** ARN of the function or queue. */
  arn: string;
  kind: "lambda" | "sqs";
  /** Of a FIFO queue. */
  messageGroupId: string | undefined;
  /** ARN of a queue. */
  deadLetters: string | undefined;
  maximumAgeMs: number;
  maximumRetryAttempts: number;
  matches(event: BusEvent): boolean;
  /** What the target gets of an event, as JSON text. */
  payload(event: BusEvent): string;
}

const properties = (node: ResourceNode): PropertyMap => plain(node.outputs) as PropertyMap;
const text = (value: PropertyValue | undefined): string | undefined =>
  typeof value === "string" && value !== "" ? value : undefined;
const map = (value: PropertyValue | undefined): PropertyMap =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
const number = (value: PropertyValue | undefined, fallback: number): number =>
  typeof value === "number" ? value : fallback;

const DAY_MS = 86_400_000;
const MAX_RETRIES = 185;

/** @throws Error naming the target, for what AWS or this runtime does not take */
export const readTarget = (node: ResourceNode, graph: Graph): Target => {
  const fail = (what: string): never => {
    throw new Error(`Event target "${node.name}": ${what}`);
  };
  const values = properties(node);
  const bus = text(values.eventBusName) ?? "default";
  const rule = graph.resources
    .filter(({ type }) => type === RULE)
    .map(properties)
    .find(({ name, eventBusName }) => name === values.rule && (text(eventBusName) ?? "default") === bus);
  if (!rule) return fail(`there is no rule "${values.rule}" on the bus "${bus}".`);
  const pattern = text(rule.eventPattern);
  if (pattern === undefined) {
    return fail(
      `its rule "${values.rule}" has no event pattern; rules by schedule are EventBridge Scheduler's.`,
    );
  }
  const arn = text(values.arn) ?? "";
  const service = arn.split(":")[2];
  if (service !== "lambda" && service !== "sqs") {
    return fail(`its target ${arn} is neither a function nor a queue; locally only these two are served.`);
  }
  const retries = map(values.retryPolicy);
  const passes = compileEventPattern(pattern);
  return {
    name: node.name,
    bus,
    ruleArn: text(rule.arn) ?? "",
    enabled: rule.state !== "DISABLED",
    arn,
    kind: service,
    messageGroupId: text(map(values.sqsTarget).messageGroupId),
    deadLetters: text(map(values.deadLetterConfig).arn),
    maximumAgeMs: number(retries.maximumEventAgeInSeconds, DAY_MS / 1_000) * 1_000,
    maximumRetryAttempts: number(retries.maximumRetryAttempts, MAX_RETRIES),
    matches: (event) => passes(event as unknown as FilterDocument),
    payload: readInput(values, fail),
  };
};

/** Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html */
const readInput = (values: PropertyMap, fail: (what: string) => never): Target["payload"] => {
  if (values.inputTransformer !== undefined)
    fail("input transformers are not served locally; use input or inputPath.");
  const input = text(values.input);
  if (input !== undefined) return () => input;
  const path = text(values.inputPath);
  if (path === undefined) return (event) => JSON.stringify(event);
  const steps = /^\$(\.[\w-]+)*$/.test(path)
    ? path.split(".").slice(1)
    : fail(`inputPath ${path} is no path like $.detail.`);
  return (event) => JSON.stringify(steps.reduce<unknown>(member, event) ?? null);
};

const member = (value: unknown, key: string): unknown =>
  typeof value === "object" && value !== null && Object.hasOwn(value, key)
    ? Reflect.get(value, key)
    : undefined;
