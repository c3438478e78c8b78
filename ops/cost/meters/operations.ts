/** What watches and what connects: logs, metrics, alarms, dashboards; networks. */
import { plain, type ResourceNode } from "../../../local/engine/graph.ts";
import { knownText, LOG_GROUP, listOf, mapOf, numberOf } from "../../../local/engine/rules/view.ts";
import { SECONDS_PER_DAY } from "../../shared/workload-assumptions.ts";
import { arrivalOf, type Charge, GB, HOURS, type Meter, monthly, perUse, usesOf } from "../charge.ts";
import type { PriceName } from "../prices.ts";

/** What is stored is compressed to so much: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/WhatIsCloudWatchLogs.html, assumed. */
const COMPRESSED = 0.15;
const VENDED = "/aws/vendedlogs/";
/** Alarms that target tracking makes for itself: https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html */
const TRACKING_ALARMS = 2;
/** An anomaly alarm counts its metric and the two ends of the band: https://aws.amazon.com/cloudwatch/pricing/ */
const BAND_METRICS = 3;

const logGroupMeter: Meter = (group, metering) => {
  const price = knownText(group.outputs.name)?.startsWith(VENDED) ? "logs.vended" : "logs.ingested";
  const { perSecond, bytes } = arrivalOf(group, metering);
  const kept = metering.workload.load.storedMonths;
  const days = numberOf(group, "retentionInDays") ?? 0;
  const months = days === 0 ? kept : Math.min(kept, (days * SECONDS_PER_DAY) / monthly(1));
  return [
    ...perUse(group, usesOf(group, metering), price, (use) => (monthly(use.perSecond) * use.bytes) / GB),
    {
      price: "logs.stored",
      quantity: ((monthly(perSecond) * bytes) / GB) * months * COMPRESSED,
      urn: group.urn,
    },
  ];
};

const metricsOf = (alarm: ResourceNode): number => {
  const queries = listOf(alarm.inputs.metricQueries).map(mapOf);
  if (queries.length === 0) return 1;
  const isBand = queries.some((query) => String(query.expression ?? "").startsWith("ANOMALY_DETECTION_BAND"));
  return isBand ? BAND_METRICS : Math.max(1, queries.filter(({ metric }) => metric !== undefined).length);
};

const alarmMeter: Meter = (alarm) => {
  const period = numberOf(alarm, "period") ?? 60;
  const price: PriceName = period < 60 ? "cloudwatch.fastAlarms" : "cloudwatch.alarms";
  return [{ price, quantity: metricsOf(alarm), urn: alarm.urn }];
};

const count =
  (price: PriceName, quantity = 1): Meter =>
  ({ urn }) => [{ price, quantity, urn }];

const scalingPolicyMeter: Meter = ({ urn, inputs }) =>
  inputs.policyType === "TargetTrackingScaling"
    ? [{ price: "cloudwatch.alarms", quantity: TRACKING_ALARMS, urn }]
    : { free: "a scaling policy costs nothing; alarms that call it are resources of their own" };

const endpointMeter: Meter = ({ urn, inputs }) => {
  if ((inputs.vpcEndpointType ?? "Gateway") === "Gateway")
    return {
      free: "a gateway endpoint costs nothing: https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-endpoints.html",
    };
  const subnets = Math.max(1, listOf(inputs.subnetIds).length);
  return [{ price: "vpc.endpointHours", quantity: subnets * HOURS, urn }];
};

const natCharges = (urn: string, gateways: number): Charge[] => [
  { price: "vpc.natHours", quantity: gateways * HOURS, urn },
  { price: "vpc.publicAddressHours", quantity: gateways * HOURS, urn },
];

/** The network that awsx builds: its children are not in the graph, its NAT gateways are what it costs. */
const networkMeter: Meter = ({ urn, inputs }) => {
  const strategy = plain(mapOf(inputs.natGateways).strategy ?? "OnePerAz");
  if (strategy === "None")
    return { free: "a network without NAT gateways costs nothing: https://aws.amazon.com/vpc/pricing/" };
  const zones = typeof inputs.numberOfAvailabilityZones === "number" ? inputs.numberOfAvailabilityZones : 3;
  return natCharges(urn, strategy === "Single" ? 1 : zones);
};

export const OPERATIONS: Record<string, Meter> = {
  [LOG_GROUP]: logGroupMeter,
  "aws:cloudwatch/metricAlarm:MetricAlarm": alarmMeter,
  "aws:cloudwatch/compositeAlarm:CompositeAlarm": count("cloudwatch.compositeAlarms"),
  "aws:cloudwatch/dashboard:Dashboard": count("cloudwatch.dashboards"),
  "aws:cloudwatch/logMetricFilter:LogMetricFilter": count("cloudwatch.metrics"),
  "aws:appautoscaling/policy:Policy": scalingPolicyMeter,
  "aws:ec2/vpcEndpoint:VpcEndpoint": endpointMeter,
  "aws:ec2/natGateway:NatGateway": ({ urn }) => natCharges(urn, 1),
  "aws:ec2/eip:Eip": count("vpc.publicAddressHours", HOURS),
  "awsx:ec2:Vpc": networkMeter,
};
