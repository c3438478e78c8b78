/**
 * A topic rule, read from its resource. Pure.
 * Source: https://docs.aws.amazon.com/iot/latest/apireference/API_TopicRulePayload.html
 */
import { type PropertyMap, type PropertyValue, plain, type ResourceNode } from "../../engine/graph.ts";
import {
  type CompiledRule,
  compileRule,
  compileTemplate,
  type PublishedMessage,
} from "../../kit/rule-sql.ts";

type Template = (message: PublishedMessage) => string;

export interface StreamAction {
  kind: "kinesis";
  streamName: string;
  partitionKey: Template;
  roleArn: string;
}

export interface FunctionAction {
  kind: "lambda";
  functionArn: string;
}

interface BucketAction {
  kind: "s3";
  bucketName: string;
  key: Template;
  roleArn: string;
}

export type RuleAction = StreamAction | FunctionAction;

export interface TopicRule extends CompiledRule {
  /** The resource's logical name. */
  name: string;
  /** The rule's name at AWS. */
  ruleName: string;
  arn: string;
  enabled: boolean;
  actions: RuleAction[];
  errorAction: BucketAction | undefined;
}

const map = (value: PropertyValue | undefined): PropertyMap =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
const list = (value: PropertyValue | undefined): PropertyMap[] =>
  Array.isArray(value) ? value.map((item) => map(item)) : [];
const text = (value: PropertyValue | undefined): string => (typeof value === "string" ? value : "");

const SQL_VERSION = "2016-03-23";
/** What a rule may hold besides its actions. */
const SETTINGS = new Set([
  "arn",
  "description",
  "enabled",
  "errorAction",
  "name",
  "region",
  "sql",
  "sqlVersion",
  "tags",
  "tagsAll",
]);
const SERVED = new Set(["kineses", "lambdas"]);

const isEmpty = (value: PropertyValue | undefined): boolean =>
  value === undefined || value === null || (Array.isArray(value) && value.length === 0);

/** @throws Error naming the rule, for what AWS or this runtime does not take */
export const readRule = (node: ResourceNode): TopicRule => {
  const fail = (what: string): never => {
    throw new Error(`Topic rule "${node.name}": ${what}`);
  };
  const values = plain(node.outputs) as PropertyMap;
  if (values.sqlVersion !== SQL_VERSION)
    fail(`its sqlVersion is ${JSON.stringify(values.sqlVersion)}; only ${SQL_VERSION} is served here.`);
  const foreign = Object.keys(values).find(
    (key) => !SETTINGS.has(key) && !SERVED.has(key) && !isEmpty(values[key]),
  );
  if (foreign) fail(`its action ${foreign} is not served here; kineses and lambdas are.`);
  const attempt = <T>(make: () => T): T => {
    try {
      return make();
    } catch (error) {
      return fail((error as Error).message);
    }
  };
  return {
    ...attempt(() => compileRule(text(values.sql))),
    name: node.name,
    ruleName: text(values.name),
    arn: text(values.arn),
    enabled: values.enabled !== false,
    actions: [
      ...list(values.kineses).map((action) => attempt(() => readStream(action))),
      ...list(values.lambdas).map(
        (action): FunctionAction => ({
          kind: "lambda",
          functionArn: text(action.functionArn),
        }),
      ),
    ],
    errorAction: attempt(() => readErrorAction(map(values.errorAction))),
  };
};

/** Where none is given: https://docs.aws.amazon.com/iot/latest/developerguide/kinesis-rule-action.html */
const newKey: Template = (message) => message.uuid();

const readStream = ({ streamName, partitionKey, roleArn }: PropertyMap): StreamAction => ({
  kind: "kinesis",
  streamName: text(streamName),
  partitionKey: text(partitionKey) === "" ? newKey : compileTemplate(text(partitionKey)),
  roleArn: text(roleArn),
});

const readErrorAction = (action: PropertyMap): BucketAction | undefined => {
  const [kind] = Object.keys(action).filter((key) => !isEmpty(action[key]));
  if (kind === undefined) return undefined;
  if (kind !== "s3") throw new Error(`its error action ${kind} is not served here; s3 is.`);
  const { bucketName, key, roleArn } = map(action.s3);
  return { kind, bucketName: text(bucketName), key: compileTemplate(text(key)), roleArn: text(roleArn) };
};

/** Whether a filter takes a topic. https://docs.aws.amazon.com/iot/latest/developerguide/topics.html#topicfilters */
export const takes = (filter: string, topic: string): boolean => {
  const [levels, wanted] = [topic.split("/"), filter.split("/")];
  const open = wanted.at(-1) === "#";
  if (open ? levels.length < wanted.length - 1 : levels.length !== wanted.length) return false;
  return wanted.every((level, index) => level === "+" || (level === "#" && open) || level === levels[index]);
};
