/** What carries events: queues, topics, buses, schedules, devices' messages; and the API with those who may call it. */
import type { ResourceNode } from "../../../local/engine/graph.ts";
import { listOf, mapOf, numberOf, QUEUE, TOPIC } from "../../../local/engine/rules/view.ts";
import type { Use } from "../../shared/workload.ts";
import { DEFAULTS, SECONDS_PER_DAY } from "../../shared/workload-assumptions.ts";
import { TYPES } from "../../shared/workload-model.ts";
import { CLIENT, isForMachines, tokensPerSecond } from "../../shared/workload-tokens.ts";
import {
  arrivalOf,
  type Charge,
  GB,
  type Meter,
  type Metering,
  monthly,
  perUse,
  unitsOf,
  usesOf,
} from "../charge.ts";
import type { PriceName } from "../prices.ts";
import { metricsInUse } from "./compute.ts";

/** Five pollers that each wait 20 s: what a mapping asks of an empty queue. https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html */
const POLLS_PER_SECOND = 5 / 20;
/** Metrics of each route with detailed metrics: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html */
const METRICS_PER_ROUTE = 6;
const puts = (node: ResourceNode, metering: Metering): Use[] =>
  usesOf(node, metering).filter(({ kind }) => kind === "put");

const mappingsOf = (queue: ResourceNode, { view }: Metering): ResourceNode[] =>
  view.ofType(TYPES.mapping).filter((node) => view.origins(node, "eventSourceArn", QUEUE).includes(queue));

/** Sends by whom they come from; a receive and a delete per batch; polls of an empty queue. */
const queueMeter: Meter = (queue, metering) => {
  const price: PriceName = queue.inputs.fifoQueue === true ? "sqs.fifo" : "sqs.standard";
  const batches = metering.workload.functions.map(({ urn, byTrigger }) => ({
    from: urn,
    perSecond: byTrigger.get(queue.urn) ?? 0,
  }));
  return [
    ...perUse(
      queue,
      puts(queue, metering),
      price,
      ({ perSecond, bytes }) => monthly(perSecond) * unitsOf(bytes, 64),
    ),
    ...batches
      .filter(({ perSecond }) => perSecond > 0)
      .map(({ from, perSecond }) => ({ price, quantity: monthly(2 * perSecond), urn: queue.urn, from })),
    {
      price,
      quantity: monthly(mappingsOf(queue, metering).length * POLLS_PER_SECOND),
      urn: queue.urn,
    },
  ];
};

const isAlarmTopic = (topic: ResourceNode, { view }: Metering): boolean =>
  view
    .ofType("aws:cloudwatch/metricAlarm:MetricAlarm")
    .some((alarm) => view.origins(alarm, "alarmActions", TOPIC).includes(topic));

const messagesOf = (topic: ResourceNode, metering: Metering): number =>
  monthly(arrivalOf(topic, metering).perSecond) +
  (isAlarmTopic(topic, metering) ? DEFAULTS.alarmMessagesPerMonth : 0);

const topicMeter: Meter = (topic, metering) => [
  { price: "sns.publishes", quantity: messagesOf(topic, metering), urn: topic.urn },
];

const subscriptionMeter: Meter = (subscription, metering) => {
  const [topic] = metering.view.origins(subscription, "topic", TOPIC);
  const { protocol } = subscription.inputs;
  if (protocol === "lambda" || protocol === "sqs")
    return { free: "deliveries to Lambda and SQS cost nothing" };
  const isMail = protocol === "email" || protocol === "email-json";
  if (!isMail && protocol !== "http" && protocol !== "https")
    return { notPriced: `deliveries by ${protocol}` };
  return [
    {
      price: isMail ? "sns.emails" : "sns.http",
      quantity: topic ? messagesOf(topic, metering) : 0,
      urn: subscription.urn,
    },
  ];
};

const busMeter: Meter = (bus, metering) =>
  perUse(
    bus,
    puts(bus, metering),
    "events.custom",
    ({ perSecond, bytes }) => monthly(perSecond) * unitsOf(bytes, 64),
  );

const archiveMeter: Meter = (archive, metering) => {
  const [bus] = metering.view.origins(archive, "eventSourceArn", TYPES.bus);
  if (!bus) return { notPriced: "its bus is not in the program" };
  const { perSecond, bytes } = arrivalOf(bus, metering);
  const gb = (monthly(perSecond) * bytes) / GB;
  const kept = metering.workload.load.storedMonths;
  const days = numberOf(archive, "retentionDays") ?? 0;
  const months = days === 0 ? kept : Math.min(kept, (days * SECONDS_PER_DAY) / monthly(1));
  return [
    { price: "events.archived", quantity: gb, urn: archive.urn },
    { price: "events.archiveStorage", quantity: gb * months, urn: archive.urn },
  ];
};

const scheduleMeter: Meter = (schedule, metering) => [
  {
    price: "scheduler.invocations",
    quantity: monthly(arrivalOf(schedule, metering).perSecond),
    urn: schedule.urn,
  },
];

const RULE_ACTIONS = [
  "kineses",
  "lambdas",
  "sqs",
  "sns",
  "s3",
  "dynamodbs",
  "dynamodbv2s",
  "firehoses",
  "republishes",
];

/** A message is metered when it is published, again for each rule that it runs and each of the rule's actions. */
const topicRuleMeter: Meter = (rule, metering) => {
  const { load } = metering.workload;
  const actions =
    RULE_ACTIONS.reduce((sum, key) => sum + listOf(rule.inputs[key]).length, 0) +
    (rule.inputs.lambda === undefined ? 0 : 1);
  const { perSecond, bytes } = arrivalOf(rule, metering);
  const messages = monthly(perSecond) * unitsOf(bytes, 5);
  return [
    { price: "iot.messages", quantity: messages, urn: rule.urn },
    { price: "iot.rules", quantity: messages, urn: rule.urn },
    { price: "iot.actions", quantity: messages * Math.max(1, actions), urn: rule.urn },
    { price: "iot.minutes", quantity: monthly((load.devices * load.mqttShare) / 60), urn: rule.urn },
  ];
};

/** Bytes a second that clients fetch: answers, and objects by presigned addresses. */
const egressOf = (api: ResourceNode, { view, workload }: Metering): number => {
  const { perSecond } = workload.arrivals.get(api.urn) ?? { perSecond: 0 };
  const routed = new Set(
    view
      .ofType("aws:apigatewayv2/integration:Integration")
      .flatMap((integration) => view.functions(integration, "integrationUri"))
      .map(({ urn }) => urn),
  );
  const buckets = new Set(view.ofType(TYPES.bucket).map(({ urn }) => urn));
  const fetched = workload.uses
    .filter(({ from, to, kind }) => kind === "get" && routed.has(from) && buckets.has(to))
    .reduce((sum, use) => sum + use.perSecond * use.bytes, 0);
  return perSecond * DEFAULTS.responseBytes + fetched;
};

const apiMeter: Meter = (api, metering) => {
  if (api.inputs.protocolType !== "HTTP") return { notPriced: `an API of type ${api.inputs.protocolType}` };
  const { perSecond, bytes } = arrivalOf(api, metering);
  return [
    { price: "apigateway.http", quantity: monthly(perSecond) * unitsOf(bytes, 512), urn: api.urn },
    { price: "transfer.out", quantity: monthly(egressOf(api, metering)) / GB, urn: api.urn },
  ];
};

const stageMeter: Meter = (stage, metering) => {
  if (mapOf(stage.inputs.defaultRouteSettings).detailedMetricsEnabled !== true)
    return { free: "without detailed metrics a stage is part of its API" };
  const [api] = metering.view.origins(stage, "apiId", TYPES.api);
  const routes = metering.view
    .ofType(TYPES.route)
    .filter((route) => metering.view.origins(route, "apiId", TYPES.api).some((each) => each === api));
  return routes.map(
    (route): Charge => ({
      price: "cloudwatch.metrics",
      quantity: metricsInUse(METRICS_PER_ROUTE, arrivalOf(route, metering).perSecond),
      urn: stage.urn,
    }),
  );
};

const clientMeter: Meter = (client, { view, workload: { load } }) => {
  if (!isForMachines(client)) return { notPriced: "users who sign in: their number is not part of a load" };
  return [
    { price: "cognito.clients", quantity: 1, urn: client.urn },
    { price: "cognito.tokens", quantity: monthly(tokensPerSecond(client, view, load)), urn: client.urn },
  ];
};

export const MESSAGING: Record<string, Meter> = {
  [QUEUE]: queueMeter,
  [TOPIC]: topicMeter,
  [TYPES.subscription]: subscriptionMeter,
  [TYPES.bus]: busMeter,
  "aws:cloudwatch/eventArchive:EventArchive": archiveMeter,
  [TYPES.schedule]: scheduleMeter,
  [TYPES.iotRule]: topicRuleMeter,
  [TYPES.api]: apiMeter,
  [TYPES.stage]: stageMeter,
  [CLIENT]: clientMeter,
};
