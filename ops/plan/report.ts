/** A plan as text and as JSON. Pure. */
import { formatProblem, type Problem } from "../../local/engine/checks.ts";
import type { Graph } from "../../local/engine/graph.ts";
import { isDeclaredOnly } from "../../local/engine/outputs.ts";
import type { FunctionPlan, Permission } from "../shared/functions.ts";
import { shortType } from "../shared/short-type.ts";
import { type PlannedResource, plannedResources, treeLines } from "./preview.ts";

export interface Plan {
  project: string;
  stack: string;
  resources: PlannedResource[];
  functions: FunctionPlan[];
  totals: { resources: number; components: number; functions: number; zipBytes: number };
  /** Types whose outputs are guesses here; AWS makes them all the same. */
  declaredOnly: string[];
  /** Components that a plugin of their own builds: what is inside them, only the real preview tells. */
  remoteComponents: string[];
  /** What AWS would refuse. */
  problems: Problem[];
}

export const createPlan = (preview: Graph, functions: FunctionPlan[], problems: Problem[]): Plan => {
  const owned = preview.resources.filter((node) => !node.external);
  return {
    project: preview.project,
    stack: preview.stack,
    resources: plannedResources(preview),
    functions,
    totals: {
      resources: owned.filter((node) => node.custom).length,
      components: owned.filter((node) => !node.custom && node.parent !== "").length,
      functions: functions.length,
      zipBytes: functions.reduce((sum, { zipBytes = 0 }) => sum + zipBytes, 0),
    },
    declaredOnly: [...new Set(owned.map(({ type }) => type).filter(isDeclaredOnly))].sort(),
    remoteComponents: owned.filter((node) => node.remote).map(({ type, name }) => `${type} "${name}"`),
    problems,
  };
};

const count = (value: number): string => value.toLocaleString("en-US");

const counted = (value: number, noun: string): string => `${count(value)} ${noun}${value === 1 ? "" : "s"}`;

const kilobytes = (bytes: number | undefined): string =>
  bytes === undefined ? "size unknown" : `${(bytes / 1_024).toFixed(1)} KB`;

const permissionLines = ({ actions, resources, because }: Permission): string[] => [
  `    may ${actions.join(", ")}`,
  `      on ${resources.join(", ")}`,
  ...because.map((reason) => `      because of ${reason}`),
];

const measuredLines = ({ measured }: FunctionPlan): string[] => {
  if (measured === undefined) return [];
  const { date, initMs, durationMs } = measured;
  return [
    `    init ${initMs} ms, then ${durationMs.p50} ms (p99 ${durationMs.p99} ms), as measured locally on ${date}`,
  ];
};

const functionLines = (plan: FunctionPlan): string[] => [
  `  ${plan.name}  ${count(plan.memorySize ?? 0)} MB, ${plan.timeout} s, zip ${kilobytes(plan.zipBytes)}, ${counted(plan.modules ?? 0, "module")}`,
  `    role ${plan.role ?? "given by ARN"}, log group ${plan.logGroup ?? "made by Lambda"}`,
  ...measuredLines(plan),
  ...(plan.environment.length > 0 ? [`    environment ${plan.environment.join(", ")}`] : []),
  ...plan.permissions.flatMap(permissionLines),
];

const section = (title: string, lines: string[]): string[] => (lines.length > 0 ? ["", title, ...lines] : []);

/** The plan for people: tree, functions, totals, and what the reader should know about it. */
export const planText = (plan: Plan, preview: Graph): string => {
  const { resources, components, functions, zipBytes } = plan.totals;
  return [
    `Plan of ${plan.project}, stack ${plan.stack}, as a first \`pulumi up\` would create it.`,
    "",
    ...treeLines(preview),
    ...section("Functions", plan.functions.flatMap(functionLines)),
    ...section(
      "Declared only (AWS creates them; outputs are guesses here, and nothing runs locally)",
      plan.declaredOnly.map((type) => `  ${shortType(type)}`),
    ),
    ...section(
      "Built by their own plugin (what is inside, only `npm run preview` tells)",
      plan.remoteComponents.map((component) => `  ${component}`),
    ),
    ...section(
      "AWS would refuse",
      plan.problems.map((problem) => `  ${formatProblem(problem)}`),
    ),
    "",
    `${counted(resources, "resource")} and ${counted(components, "component")} to create; ${counted(functions, "function")}, ${kilobytes(zipBytes)} of code.`,
  ].join("\n");
};
