/**
 * Lambda: requests, duration, storage, provisioned concurrency, and what a function's traces and metrics cost.
 * Source: https://aws.amazon.com/lambda/pricing/, https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html
 */
import { plain, type ResourceNode } from "../../../local/engine/graph.ts";
import { provisionedOf } from "../../../local/engine/rules/releases.ts";
import { FUNCTION, listOf, mapOf, numberOf, type View } from "../../../local/engine/rules/view.ts";
import type { FunctionUse } from "../../shared/workload.ts";
import { DEFAULTS } from "../../shared/workload-assumptions.ts";
import { type Charge, HOURS, type Meter, type Metering, monthly } from "../charge.ts";

const PROVISIONED = "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig";
const TARGET = "aws:appautoscaling/target:Target";
const POLICY = "aws:appautoscaling/policy:Policy";
const INCLUDED_STORAGE_MB = 512;
/** Lambda samples one request a second, and a twentieth of the others. */
const SAMPLED = { perSecond: 1, share: 0.05 };

const isArm = (lambda: ResourceNode): boolean => listOf(lambda.inputs.architectures).includes("arm64");

const memoryGb = (lambda: ResourceNode): number => (numberOf(lambda, "memorySize") ?? 128) / 1024;

const useOf = ({ urn }: ResourceNode, { workload }: Metering): FunctionUse | undefined =>
  workload.functions.find((each) => each.urn === urn);

/** Whether something of Application Auto Scaling is for the function: by where its `resourceId` comes from, or says. */
const scales = (node: ResourceNode, lambda: ResourceNode, view: View): boolean => {
  if (view.functions(node, "resourceId").includes(lambda)) return true;
  const [id, name] = [plain(node.outputs.resourceId ?? null), plain(lambda.outputs.name ?? null)];
  return typeof id === "string" && typeof name === "string" && id.startsWith(`function:${name}:`);
};

interface Scaling {
  least: number;
  most: number;
  /** The part of the environments that target tracking keeps busy; undefined where no policy moves their number. */
  utilization: number | undefined;
}

/** https://docs.aws.amazon.com/lambda/latest/dg/provisioned-concurrency.html#managing-provisioned-concurency */
const scalingOf = (view: View, lambda: ResourceNode): Scaling | undefined => {
  const target = view.ofType(TARGET).find((node) => scales(node, lambda, view));
  if (!target) return undefined;
  const [utilization] = view
    .ofType(POLICY)
    .filter((node) => view.origins(node, "resourceId", TARGET).includes(target) || scales(node, lambda, view))
    .map((node) => mapOf(node.outputs.targetTrackingScalingPolicyConfiguration).targetValue)
    .filter((value) => typeof value === "number");
  return {
    least: numberOf(target, "minCapacity") ?? 0,
    most: numberOf(target, "maxCapacity") ?? Number.POSITIVE_INFINITY,
    utilization,
  };
};

/** Environments kept ready on average, over all of the function's versions and aliases. */
const readyOf = (view: View, lambda: ResourceNode, use: FunctionUse | undefined): number => {
  const configured = provisionedOf(view, lambda);
  const scaling = scalingOf(view, lambda);
  if (!scaling || configured === 0) return configured;
  const { least, most, utilization } = scaling;
  const wanted = utilization === undefined ? configured : (use?.concurrency ?? 0) / utilization;
  return Math.min(most, Math.max(least, wanted));
};

/** Duration in GB-seconds, what fits in provisioned environments apart; only the others start cold. */
const durationCharges = (lambda: ResourceNode, use: FunctionUse, provisioned: number): Charge[] => {
  const [urn, from] = [lambda.urn, lambda.urn];
  const kind = isArm(lambda) ? "Arm" : "X86";
  const busy = Math.min(use.concurrency, provisioned);
  const share = use.concurrency === 0 ? 0 : 1 - busy / use.concurrency;
  const cold = (use.invocations * share * use.coldShare * use.initMs) / 1_000;
  const onDemand = use.concurrency - busy + cold;
  const gb = memoryGb(lambda);
  return [
    { price: `lambda.duration${kind}`, quantity: monthly(onDemand * gb), urn, from },
    ...(busy > 0
      ? [{ price: `lambda.provisionedDuration${kind}` as const, quantity: monthly(busy * gb), urn, from }]
      : []),
    ...storageCharge(lambda, use.concurrency + cold),
  ];
};

const storageCharge = (lambda: ResourceNode, busy: number): Charge[] => {
  const size = mapOf(lambda.inputs.ephemeralStorage).size;
  const extra = (typeof size === "number" ? size : INCLUDED_STORAGE_MB) - INCLUDED_STORAGE_MB;
  if (extra <= 0) return [];
  const quantity = monthly((busy * extra) / 1024);
  return [{ price: "lambda.ephemeral", quantity, urn: lambda.urn, from: lambda.urn }];
};

const tracesOf = (lambda: ResourceNode, { invocations }: FunctionUse): Charge[] => {
  if (mapOf(lambda.inputs.tracingConfig).mode !== "Active") return [];
  const sampled = Math.min(invocations, SAMPLED.perSecond);
  const quantity = monthly(sampled + (invocations - sampled) * SAMPLED.share);
  return [{ price: "xray.traces", quantity, urn: lambda.urn, from: lambda.urn }];
};

/** A metric is billed by the hour in which it gets values: https://aws.amazon.com/cloudwatch/pricing/ */
export const metricsInUse = (metrics: number, perSecond: number): number =>
  metrics * Math.min(1, perSecond * 3_600);

const functionMeter: Meter = (lambda, metering) => {
  const use = useOf(lambda, metering);
  if (!use) return [];
  const [urn, from] = [lambda.urn, lambda.urn];
  return [
    { price: "lambda.requests", quantity: monthly(use.invocations), urn, from },
    ...durationCharges(lambda, use, readyOf(metering.view, lambda, use)),
    ...tracesOf(lambda, use),
    {
      price: "cloudwatch.metrics",
      quantity: metricsInUse(DEFAULTS.metricsPerFunction, use.invocations),
      urn,
      from,
    },
  ];
};

const provisionedMeter: Meter = (config, metering) => {
  const [lambda] = metering.view.functions(config, "functionName");
  if (!lambda) return { notPriced: "its function is not in the program: its memory is unknown" };
  const configured = provisionedOf(metering.view, lambda);
  const share =
    configured === 0 ? 0 : (numberOf(config, "provisionedConcurrentExecutions") ?? 0) / configured;
  const environments = share * readyOf(metering.view, lambda, useOf(lambda, metering));
  return [
    {
      price: isArm(lambda) ? "lambda.provisionedArm" : "lambda.provisionedX86",
      quantity: environments * memoryGb(lambda) * HOURS * 3_600,
      urn: config.urn,
      from: lambda.urn,
    },
  ];
};

const mappingMeter: Meter = ({ inputs }) =>
  inputs.provisionedPollerConfig === undefined
    ? { free: "polling is part of Lambda; what it asks of SQS is counted with the queue" }
    : { notPriced: "provisioned pollers" };

export const COMPUTE: Record<string, Meter> = {
  [FUNCTION]: functionMeter,
  [PROVISIONED]: provisionedMeter,
  "aws:lambda/eventSourceMapping:EventSourceMapping": mappingMeter,
};
