/**
 * A month of a program under a load, in dollars. Pure.
 *
 * Every resource of the graph ends in one of three lists: priced (its lines), free (with the page that says so), or not
 * priced (with the reason). Nothing is silently free: a type that no table knows is not priced.
 */
import type { Graph, ResourceNode } from "../../local/engine/graph.ts";
import { createView, FUNCTION, type View } from "../../local/engine/rules/view.ts";
import type { Baseline } from "../shared/baseline.ts";
import type { Load } from "../shared/load.ts";
import { shortType } from "../shared/short-type.ts";
import { createWorkload, type Workload } from "../shared/workload.ts";
import type { Charge, Free, Meter, NotPriced } from "./charge.ts";
import { FREE_TYPES } from "./free.ts";
import { COMPUTE } from "./meters/compute.ts";
import { DATA } from "./meters/data.ts";
import { MESSAGING } from "./meters/messaging.ts";
import { OPERATIONS } from "./meters/operations.ts";
import { dollarsOf, type PriceName, type Prices } from "./prices.ts";

/** One amount with a price. */
export interface CostLine {
  service: string;
  type: string;
  resource: string;
  price: PriceName;
  unit: string;
  quantity: number;
  dollars: number;
  /** The function that causes it. */
  function?: string;
}

interface FunctionCost {
  name: string;
  /** Lambda's own share: requests, duration, storage, provisioned concurrency. */
  lambda: number;
  /** What its requests, log lines, traces and metrics cost elsewhere. */
  causes: number;
  invocations: number;
  durationMs: number;
  /** False where the duration is an assumption. */
  measured: boolean;
}

export interface Cost {
  /** Of a month of 730 hours. */
  dollars: number;
  freeTier: boolean;
  services: { service: string; dollars: number }[];
  functions: FunctionCost[];
  lines: CostLine[];
  free: { type: string; count: number; why: string }[];
  notPriced: { type: string; resource: string; why: string }[];
  warnings: string[];
  load: Load;
}

export interface CostOptions {
  prices: Prices;
  baseline: Baseline | undefined;
  /** Whether what AWS gives to every account for good is taken off. @default false */
  freeTier?: boolean;
}

const SERVICES: Record<string, string> = {
  lambda: "Lambda",
  kinesis: "Kinesis Data Streams",
  dynamodb: "DynamoDB",
  s3: "S3",
  sqs: "SQS",
  sns: "SNS",
  events: "EventBridge",
  scheduler: "EventBridge Scheduler",
  apigateway: "API Gateway",
  logs: "CloudWatch Logs",
  cloudwatch: "CloudWatch",
  xray: "X-Ray",
  iot: "IoT Core",
  cognito: "Cognito",
  athena: "Athena",
  glue: "Glue",
  kms: "KMS",
  elasticache: "ElastiCache",
  vpc: "VPC",
  secretsmanager: "Secrets Manager",
  transfer: "Data transfer",
};

const METERS: Readonly<Record<string, Meter>> = { ...COMPUTE, ...DATA, ...MESSAGING, ...OPERATIONS };

/** A provider, the stack, a component, or something that is not the program's own is billed to nobody here. */
const isBilled = ({ custom, remote, external, type }: ResourceNode): boolean =>
  (custom || remote) && !external && !type.startsWith("pulumi:");

type Verdict = Charge[] | Free | NotPriced;

/** What one resource comes to. */
const meter = (node: ResourceNode, view: View, workload: Workload): Verdict => {
  const known = Object.hasOwn(METERS, node.type) ? METERS[node.type] : undefined;
  if (known) return known(node, { view, workload });
  const free = Object.hasOwn(FREE_TYPES, node.type) ? FREE_TYPES[node.type] : undefined;
  if (free) return { free: `${free.why}: ${free.page}` };
  return { notPriced: "the model has no price for this type" };
};

interface Judged {
  node: ResourceNode;
  verdict: Verdict;
}

/** Dollars of one unit of each price, at the month's whole amount: tiers are shared in proportion. */
const averages = (charges: readonly Charge[], { prices, freeTier }: CostOptions): Map<PriceName, number> => {
  const amounts = new Map<PriceName, number>();
  for (const { price, quantity } of charges) amounts.set(price, (amounts.get(price) ?? 0) + quantity);
  return new Map(
    [...amounts].map(([price, quantity]) => [
      price,
      quantity === 0 ? 0 : dollarsOf(prices.entries[price], quantity, freeTier) / quantity,
    ]),
  );
};

const linesOf = (judged: readonly Judged[], view: View, options: CostOptions): CostLine[] => {
  const charged = judged.flatMap(({ node, verdict }) =>
    Array.isArray(verdict) ? verdict.map((charge) => ({ node, charge })) : [],
  );
  const functions = new Map(view.ofType(FUNCTION).map(({ urn, name }) => [urn, name]));
  const rates = averages(
    charged.map(({ charge }) => charge),
    options,
  );
  return charged.map(({ node, charge: { price, quantity, from } }) => {
    const cause = functions.get(from ?? "");
    return {
      service: SERVICES[price.split(".")[0] ?? ""] ?? price,
      type: shortType(node.type),
      resource: node.name,
      price,
      unit: options.prices.entries[price].unit,
      quantity,
      dollars: quantity * (rates.get(price) ?? 0),
      ...(cause !== undefined && { function: cause }),
    };
  });
};

const sum = (lines: readonly CostLine[]): number => lines.reduce((total, { dollars }) => total + dollars, 0);

const servicesOf = (lines: readonly CostLine[]): Cost["services"] =>
  [...Map.groupBy(lines, ({ service }) => service)]
    .map(([service, its]) => ({ service, dollars: sum(its) }))
    .sort((left, right) => right.dollars - left.dollars);

const functionsOf = (lines: readonly CostLine[], { functions }: Workload): FunctionCost[] => {
  const byFunction = Map.groupBy(lines, (line) => line.function);
  return functions
    .map(({ name, invocations, durationMs, measured }) => {
      const its = byFunction.get(name) ?? [];
      const own = its.filter(({ service }) => service === SERVICES.lambda);
      return { name, lambda: sum(own), causes: sum(its) - sum(own), invocations, durationMs, measured };
    })
    .sort((left, right) => right.lambda + right.causes - left.lambda - left.causes);
};

const freeOf = (judged: readonly Judged[]): Cost["free"] =>
  [
    ...Map.groupBy(
      judged.flatMap(({ node, verdict }) =>
        "free" in verdict ? [{ type: shortType(node.type), why: verdict.free }] : [],
      ),
      ({ type, why }) => `${type} ${why}`,
    ).values(),
  ].map((group) => ({ type: group[0]?.type ?? "", count: group.length, why: group[0]?.why ?? "" }));

const notPricedOf = (judged: readonly Judged[]): Cost["notPriced"] =>
  judged.flatMap(({ node, verdict }) =>
    "notPriced" in verdict
      ? [{ type: shortType(node.type), resource: node.name, why: verdict.notPriced }]
      : [],
  );

/** Reads the graph once; what it returns prices any load. */
export const createCost = (graph: Graph, options: CostOptions): ((load: Load) => Cost) => {
  const workloadOf = createWorkload(graph, options.baseline);
  const view = createView(graph);
  const billed = graph.resources.filter(isBilled);
  return (load) => {
    const workload = workloadOf(load);
    const judged = billed.map((node) => ({ node, verdict: meter(node, view, workload) }));
    const lines = linesOf(judged, view, options);
    return {
      dollars: sum(lines),
      freeTier: options.freeTier ?? false,
      services: servicesOf(lines),
      functions: functionsOf(lines, workload),
      lines,
      free: freeOf(judged),
      notPriced: notPricedOf(judged),
      warnings: workload.warnings,
      load,
    };
  };
};

/** A month of one load. */
export const costOf = (graph: Graph, load: Load, prices: Prices, baseline: Baseline | undefined): Cost =>
  createCost(graph, { prices, baseline })(load);
