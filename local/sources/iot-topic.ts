/**
 * Topic rules of AWS IoT: what devices publish under a rule's filter goes through its SQL to its actions; what no action
 * could take goes to its error action.
 * Sources: https://docs.aws.amazon.com/iot/latest/developerguide/iot-rules.html,
 * https://docs.aws.amazon.com/iot/latest/developerguide/rule-error-handling.html
 *
 * Differs from AWS: the SQL is a part of AWS's (kit/rule-sql.ts); actions are Kinesis and Lambda, the error action is S3;
 * AWS does not say how often an action is tried again, here it is 3 times within a second when the stream is throttled.
 */
import { randomUUID } from "node:crypto";
import { iotEndpoint } from "../engine/aws/iot.ts";
import type { PublishedMessage } from "../kit/rule-sql.ts";
import { evaluatePolicies, type PolicyDocument, parsePolicy } from "../lambda/iam.ts";
import { functionNameOf, mayInvoke } from "../lambda/permission.ts";
import { rolePolicies } from "../lambda/role-policies.ts";
import { ServiceError } from "../services/faults.ts";
import type { DeviceMessage } from "../services/mqtt.ts";
import { type FailedAction, toFailure } from "./iot-topic/failure.ts";
import {
  type FunctionAction,
  type RuleAction,
  readRule,
  type StreamAction,
  type TopicRule,
  takes,
} from "./iot-topic/rule.ts";
import type { RunningSource, Source, SourceContext } from "./source.ts";

/** https://docs.aws.amazon.com/iot/latest/developerguide/protocols.html */
const TLS_PORT = 8883;
const SERVICE = "iot.amazonaws.com";
/** Waits between the attempts of an action that is throttled, in milliseconds. */
const WAITS = [200, 400];

class RunningRule {
  readonly #rule: TopicRule;
  readonly #context: SourceContext;
  readonly #signal: AbortSignal;
  /** Of each role that an action takes on. */
  readonly #policies = new Map<string, PolicyDocument[]>();
  readonly #underWay = new Set<Promise<void>>();

  constructor(rule: TopicRule, context: SourceContext, signal: AbortSignal) {
    this.#rule = rule;
    this.#context = context;
    this.#signal = signal;
  }

  take({ topic, payload, clientId }: DeviceMessage): void {
    if (!takes(this.#rule.filter, topic)) return;
    const timestamp = this.#context.clock.now();
    const work = this.#run({ topic, payload, clientId, timestamp, uuid: randomUUID }).finally(() =>
      this.#underWay.delete(work),
    );
    this.#underWay.add(work);
  }

  /** Resolves when nothing is under way. */
  async finish(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  /** Never rejects. */
  async #run(message: PublishedMessage): Promise<void> {
    const selected = this.#rule.select(message);
    if (selected === undefined) return;
    const { name, ruleName, actions } = this.#rule;
    const results = await Promise.all(
      actions.map(async (action): Promise<FailedAction[]> => {
        try {
          await this.#act(action, message, selected);
          return [];
        } catch (error) {
          return [{ action, error: error as Error }];
        }
      }),
    );
    const failures = results.flat();
    if (failures.length > 0) await this.#fail(message, failures);
    const outcome = failures.length > 0 ? "failed" : "done";
    const { topic, clientId } = message;
    const kinds = {
      actions: actions.map(({ kind }) => kind),
      failed: failures.map((each) => each.action.kind),
    };
    this.#context.trace.emit({
      kind: "topic-rule",
      rule: name,
      ruleName,
      topic,
      clientId,
      outcome,
      ...kinds,
    });
  }

  #act(action: RuleAction, message: PublishedMessage, selected: Buffer): Promise<void> {
    return action.kind === "kinesis" ? this.#put(action, message, selected) : this.#invoke(action, selected);
  }

  async #put(action: StreamAction, message: PublishedMessage, selected: Buffer): Promise<void> {
    const { region, account } = placeOf(this.#rule.arn);
    const StreamName = action.streamName;
    this.#require(
      action.roleArn,
      "kinesis:PutRecord",
      `arn:aws:kinesis:${region}:${account}:stream/${StreamName}`,
    );
    const input = {
      StreamName,
      PartitionKey: action.partitionKey(message),
      Data: selected.toString("base64"),
    };
    for (let attempt = 0; ; attempt += 1) {
      try {
        this.#context.services.kinesis.handle("PutRecord", input);
        return;
      } catch (error) {
        const wait = WAITS[attempt];
        if (!isThrottle(error) || wait === undefined) throw error;
        await this.#context.clock.sleep(wait, this.#signal);
      }
    }
  }

  async #invoke({ functionArn }: FunctionAction, selected: Buffer): Promise<void> {
    const functionName = functionNameOf(functionArn);
    if (!mayInvoke(this.#context.graph, functionArn, { service: SERVICE, sourceArn: this.#rule.arn }))
      throw new Error(
        `"${functionName}" needs a lambda permission for ${SERVICE} with the sourceArn ${this.#rule.arn}.`,
      );
    await this.#context.asyncInvoke.invoke(functionName, selected.toString("utf8"));
  }

  /** Never rejects; a line says what is lost. */
  async #fail(message: PublishedMessage, failures: FailedAction[]): Promise<void> {
    const { errorAction, ruleName, name } = this.#rule;
    try {
      if (errorAction === undefined) throw new Error("it has no error action");
      const { bucketName, roleArn } = errorAction;
      const key = errorAction.key(message);
      this.#require(roleArn, "s3:PutObject", `arn:aws:s3:::${bucketName}/${key}`);
      const body = JSON.stringify(toFailure(ruleName, message, failures));
      await this.#context.services.s3.putObject(bucketName, key, body);
    } catch (error) {
      const why = failures.map((failure) => failure.error.message).join(" ");
      this.#context.log(
        `Topic rule "${name}": a message on ${message.topic} is lost: ${why} Then: ${(error as Error).message}`,
      );
    }
  }

  #require(roleArn: string, action: string, resource: string): void {
    const known = this.#policies.get(roleArn);
    const policies = known ?? rolePolicies(this.#context.graph, roleArn).map(parsePolicy);
    if (known === undefined) this.#policies.set(roleArn, policies);
    if (evaluatePolicies(policies, action, resource) === "allow") return;
    throw new Error(`The role ${roleArn} does not allow ${action} on ${resource}.`);
  }
}

const isThrottle = (error: unknown): boolean =>
  error instanceof ServiceError && error.type === "ProvisionedThroughputExceededException";

const placeOf = (arn: string): { region: string; account: string } => {
  const [, , , region = "", account = ""] = arn.split(":");
  return { region, account };
};

/** @throws Error naming the rule, when a function that it would invoke is not there or does not let it in */
const checkActions = ({ actions, arn, name }: TopicRule, { pool, graph }: SourceContext): void => {
  for (const action of actions) {
    if (action.kind !== "lambda") continue;
    const functionName = functionNameOf(action.functionArn);
    const problem = pool.has(functionName)
      ? !mayInvoke(graph, action.functionArn, { service: SERVICE, sourceArn: arn }) &&
        `"${functionName}" needs a lambda permission for ${SERVICE} with the sourceArn ${arn}.`
      : `there is no function "${functionName}".`;
    if (problem) throw new Error(`Topic rule "${name}": ${problem}`);
  }
};

const start: Source["start"] = async (node, context): Promise<RunningSource> => {
  const rule = readRule(node);
  checkActions(rule, context);
  const { mqtt } = context.services;
  const url = await mqtt.listen(context.ports.next());
  const host = `${iotEndpoint(placeOf(rule.arn))}:${TLS_PORT}`;
  const name = `${rule.filter} -> ${rule.actions.map(targetOf).join(", ")}`;
  if (!rule.enabled) return { name: `${name} (disabled)`, url, hosts: [host], async stop() {} };
  const stopping = new AbortController();
  const running = new RunningRule(rule, context, stopping.signal);
  const end = mqtt.onMessage((message) => running.take(message));
  return {
    name,
    url,
    hosts: [host],
    async stop() {
      end();
      stopping.abort(new Error("The rule has been stopped."));
      await running.finish();
    },
  };
};

const targetOf = (action: RuleAction): string =>
  action.kind === "kinesis" ? action.streamName : functionNameOf(action.functionArn);

export const source: Source = {
  types: ["aws:iot/topicRule:TopicRule"],
  family: ["aws:iam/rolePolicy:", "aws:lambda/permission:"],
  start,
};
