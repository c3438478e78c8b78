import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { AsyncRetries } from "./async-invoke.ts";
import { Bucket } from "./bucket.ts";
import { Component, type ComponentArgs } from "./component.ts";
import { type Callback, Function, type FunctionSettings, SETTING_KEYS, settingsOf } from "./function.ts";
import { type Keys, refuseUnknownKeys } from "./internal/arguments.ts";
import { checkAutoname } from "./internal/names.ts";
import { checkFilter, devicePosition, deviceTopic, ruleSql } from "./internal/topics.ts";
import { applyTransform, type Transform } from "./internal/transform.ts";
import type { Stream } from "./stream.ts";

export interface IotTopicArgs extends ComponentArgs {
  /**
   * MQTT topic filter with exactly one `+`, where the device's name stands: `devices/+/telemetry`. At most 8 levels and
   * 256 bytes; no `#`, since a device could then publish at any depth.
   */
  filter: string;
  /** Where every message goes, in an envelope (`IotMessage`), with the device's name as partition key. */
  stream: Stream;
  /**
   * Bucket for the messages that no action could take, under `iot/<rule>/`.
   * @default a bucket of the topic's own
   */
  failures?: Bucket;
  /** The last word on the rule and on the devices' policy. */
  transform?: { rule?: Transform<aws.iot.TopicRuleArgs>; policy?: Transform<aws.iot.PolicyArgs> };
}

/** What a message becomes: its bytes as they are, so that the consumer judges them and not the rule. */
export interface IotMessage {
  /** What the device published, base64. */
  payload: string;
  topic: string;
  /** The broker's clock, milliseconds since 1970. */
  receivedAt: number;
}

export interface IotSubscriptionArgs extends FunctionSettings {
  /** The code, inline. Gets one message; throws to get it again. */
  callback: Callback<IotMessage, void>;
  /** Retries of the function itself, once it has the message. */
  asyncInvoke?: AsyncRetries;
}

const SUBSCRIPTION_KEYS: Keys<IotSubscriptionArgs> = { ...SETTING_KEYS, callback: true, asyncInvoke: true };

/** https://docs.aws.amazon.com/iot/latest/developerguide/iot-rule-sql-version.html: not the API's own default. */
const SQL_VERSION = "2016-03-23";
/** https://docs.aws.amazon.com/iot/latest/developerguide/protocols.html */
const MQTT_PORT = 8883;

const ASSUMED_BY_IOT = JSON.stringify({
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Principal: { Service: "iot.amazonaws.com" }, Action: "sts:AssumeRole" }],
});

/**
 * What devices publish over MQTT, forwarded to a stream.
 *
 * Creates a topic rule with its role, a policy for devices, and a bucket for what could not be delivered unless one is
 * given; per `subscribe` another rule with a function. Cost driver: messages and rule actions, each 5 KB; devices
 * connected.
 *
 * ```ts
 * const topic = new IotTopic("telemetry", { filter: "devices/+/telemetry", stream });
 * topic.subscribe("watch", { callback: async (message) => { console.log(message.topic); } });
 * ```
 *
 * A device is a Thing with a certificate that has `policy` attached. It connects with its Thing's name as client id and
 * publishes (QoS 0 or 1, at most 128 KB) under that name alone; whatever else it tries is refused and disconnected.
 * Things and certificates are the fleet's, not this program's.
 *
 * Failure path: AWS IoT repeats an action that fails for a while; then message and reason go to the failures bucket
 * (`base64OriginalPayload`). A message that the consumer cannot use is the consumer's to keep: nothing is lost for not
 * being JSON. Locally: MQTT 3.1.1 and 5 on a loopback port without TLS; the client id stands for the certificate, so it
 * is taken to be the Thing's name, and every device has all of the program's policies.
 * Sources: https://docs.aws.amazon.com/iot/latest/developerguide/kinesis-rule-action.html,
 * https://docs.aws.amazon.com/iot/latest/developerguide/rule-error-handling.html,
 * https://docs.aws.amazon.com/iot/latest/developerguide/thing-policy-variables.html,
 * https://docs.aws.amazon.com/general/latest/gr/iot-core.html#message-broker-limits
 */
export class IotTopic extends Component {
  /** Where devices connect, with TLS and their certificate: `mqtts://...:8883`. */
  readonly url: pulumi.Output<string>;
  /** Attach it to each device's certificate. */
  readonly policy: aws.iot.Policy;
  /** The rule that forwards to the stream. */
  readonly rule: aws.iot.TopicRule;
  /** Messages that no action could take. */
  readonly failures: Bucket;

  private readonly filter: string;
  private readonly role: aws.iam.Role;
  private readonly grants: pulumi.Resource[];

  constructor(name: string, args: IotTopicArgs, opts?: pulumi.ComponentResourceOptions) {
    super("IotTopic", name, args, opts);
    this.validate(args);
    this.filter = args.filter;
    this.failures = args.failures ?? this.createFailures();
    this.role = this.createRole();
    this.grants = [this.createRolePolicy(args.stream)];
    this.rule = this.createForwarding(args);
    this.policy = this.createDevicePolicy(args);
    this.url = this.findEndpoint();
    this.registerOutputs({ url: this.url });
  }

  /** Runs `callback` for every message, beside the stream. Returns the function behind it. */
  subscribe(name: string, args: IotSubscriptionArgs): Function<IotMessage, void> {
    const who = { noun: "IotTopic subscription", name: `${this.componentName}/${name}` };
    refuseUnknownKeys(who, args, SUBSCRIPTION_KEYS);
    const logical = `${this.componentName}-${name}`;
    checkAutoname(who, "topic rule", ruleName(logical));
    const subscriber = new Function<IotMessage, void>(
      logical,
      { ...settingsOf(args), callback: args.callback, asyncInvoke: args.asyncInvoke ?? {}, tags: this.tags },
      { parent: this },
    );
    const rule = new aws.iot.TopicRule(
      ruleName(logical),
      this.ruleArgs(logical, { lambdas: [{ functionArn: subscriber.arn }] }),
      this.child({ dependsOn: this.grants }),
    );
    new aws.lambda.Permission(
      `${logical}-permission`,
      {
        action: "lambda:InvokeFunction",
        function: subscriber.name,
        qualifier: subscriber.qualifier,
        principal: "iot.amazonaws.com",
        sourceArn: rule.arn,
      },
      this.child(),
    );
    return subscriber;
  }

  private validate(args: IotTopicArgs): void {
    const who = { noun: this.noun, name: this.componentName };
    this.refuseUnknown(args, { filter: true, stream: true, failures: true, transform: true, tags: true });
    checkFilter(who, args.filter);
    checkAutoname(who, "topic rule", ruleName(this.componentName));
    checkAutoname(who, "role", `${this.componentName}-rule-role`);
    checkAutoname(who, "policy", `${this.componentName}-device-policy`);
  }

  private createFailures(): Bucket {
    return new Bucket(`${this.componentName}-failures`, { tags: this.tags }, { parent: this });
  }

  private createRole(): aws.iam.Role {
    return new aws.iam.Role(
      `${this.componentName}-rule-role`,
      {
        description: `What the topic rules of ${this.componentName} may do`,
        assumeRolePolicy: ASSUMED_BY_IOT,
        tags: this.tags,
      },
      this.child(),
    );
  }

  private createRolePolicy(stream: Stream): aws.iam.RolePolicy {
    const policy = pulumi.jsonStringify({
      Version: "2012-10-17",
      Statement: [
        { Effect: "Allow", Action: ["kinesis:PutRecord"], Resource: [stream.arn] },
        {
          Effect: "Allow",
          Action: ["s3:PutObject"],
          Resource: [pulumi.interpolate`${this.failures.arn}/${FAILURES_PREFIX}*`],
        },
      ],
    });
    return new aws.iam.RolePolicy(
      `${this.componentName}-rule-policy`,
      { role: this.role.id, policy },
      this.child(),
    );
  }

  private createForwarding(args: IotTopicArgs): aws.iot.TopicRule {
    const [ruleArgs, opts] = applyTransform<aws.iot.TopicRuleArgs>(
      args.transform?.rule,
      this.ruleArgs(this.componentName, {
        kineses: [
          {
            streamName: args.stream.name,
            partitionKey: `\${topic(${devicePosition(this.filter)})}`,
            roleArn: this.role.arn,
          },
        ],
      }),
      this.child({ dependsOn: this.grants }),
    );
    return new aws.iot.TopicRule(ruleName(this.componentName), ruleArgs, opts);
  }

  private ruleArgs(
    logical: string,
    actions: Pick<aws.iot.TopicRuleArgs, "kineses" | "lambdas">,
  ): aws.iot.TopicRuleArgs {
    return {
      description: `Messages on ${this.filter}, with their bytes as they are`,
      enabled: true,
      sql: ruleSql(this.filter),
      sqlVersion: SQL_VERSION,
      ...actions,
      errorAction: {
        s3: {
          bucketName: this.failures.name,
          key: `${FAILURES_PREFIX}${logical}/\${timestamp()}-\${newuuid()}.json`,
          roleArn: this.role.arn,
        },
      },
      tags: this.tags,
    };
  }

  /** https://docs.aws.amazon.com/iot/latest/developerguide/pub-sub-policy.html */
  private createDevicePolicy(args: IotTopicArgs): aws.iot.Policy {
    const prefix = this.rule.arn.apply((arn) => arn.split(":").slice(0, 5).join(":"));
    const statement = (sid: string, action: string[], resource: string) => ({
      Sid: sid,
      Effect: "Allow",
      Action: action,
      Resource: [pulumi.interpolate`${prefix}:${resource}`],
    });
    const [policyArgs, opts] = applyTransform<aws.iot.PolicyArgs>(
      args.transform?.policy,
      {
        policy: pulumi.jsonStringify({
          Version: "2012-10-17",
          Statement: [
            {
              ...statement("ConnectAsItself", ["iot:Connect"], `client/${THING}`),
              Condition: { Bool: { "iot:Connection.Thing.IsAttached": "true" } },
            },
            statement(
              "PublishUnderItsOwnName",
              ["iot:Publish", "iot:RetainPublish"],
              `topic/${deviceTopic(this.filter, THING)}`,
            ),
          ],
        }),
        tags: this.tags,
      },
      this.child(),
    );
    return new aws.iot.Policy(`${this.componentName}-device-policy`, policyArgs, opts);
  }

  private findEndpoint(): pulumi.Output<string> {
    const endpoint = aws.iot.getEndpointOutput({ endpointType: "iot:Data-ATS" }, { parent: this });
    return pulumi.interpolate`mqtts://${endpoint.endpointAddress}:${MQTT_PORT}`;
  }
}

const FAILURES_PREFIX = "iot/";
/** AWS IoT puts the name of the connection's Thing in its place. */
const THING = ["$", "{iot:Connection.Thing.ThingName}"].join("");

/** Rule names take no hyphen. */
const ruleName = (logical: string): string => `${logical.replaceAll("-", "_")}_rule`;
