/**
 * A plan as a reviewer reads it in a pull request: every resource with its settings and every function with its
 * rights, without what changes at each edit (zip sizes, hashes). Pure.
 */
import {
  isUnknown,
  type PropertyMap,
  type PropertyValue,
  type ResourceNode,
} from "../../local/engine/graph.ts";
import type { FunctionPlan, Permission } from "../shared/functions.ts";
import { shortType } from "../shared/short-type.ts";
import type { PlannedResource } from "./preview.ts";
import type { Plan } from "./report.ts";

/** Inputs that say nothing on their own: the same everywhere, or shown elsewhere. */
const LEFT_OUT = new Set([
  "tags",
  "tagsAll",
  "code",
  "sourceCodeHash",
  "environment",
  "assumeRolePolicy",
  "handler",
]);
const LONGEST = 100;

const isMap = (value: PropertyValue): value is PropertyMap =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Names and ids are the same in every plan of a stack but tell a reviewer nothing. */
const shown = (value: PropertyValue): string | undefined => {
  if (value === null || isUnknown(value) || value === "[unknown]") return undefined;
  if (typeof value !== "object") return String(value);
  const text = JSON.stringify(value);
  return text.includes("[unknown]") ? undefined : text;
};

const setting = ([key, value]: [string, PropertyValue]): string[] => {
  if (LEFT_OUT.has(key)) return [];
  if (Array.isArray(value) && value.length > 0 && value.every(isMap))
    return value.flatMap((item, index) => setting([`${key}.${index}`, item]));
  if (isMap(value))
    return Object.entries(value).flatMap(([inner, item]) => setting([`${key}.${inner}`, item]));
  const text = shown(value);
  if (text === undefined || text === "[]") return [];
  return [`${key} ${text.length > LONGEST ? `${text.slice(0, LONGEST - 3)}...` : text}`];
};

const compare = (left: string, right: string): number => (left < right ? -1 : Number(left > right));

/** `dynamodb:Table readings-table (protected)` and its settings, one a line. */
const resourceLines = ({ type, name, protect, inputs }: PlannedResource): string[] => [
  `${shortType(type).replace(/^aws:/, "")} ${name}${protect ? " (protected)" : ""}`,
  ...Object.entries(inputs)
    .sort(([left], [right]) => compare(left, right))
    .flatMap(setting)
    .map((line) => `    ${line}`),
];

const permissionLine = ({ actions, resources }: Permission): string =>
  `    may ${actions.join(", ")} on ${resources.join(", ")}`;

const functionLines = ({ name, memorySize, timeout, environment, permissions }: FunctionPlan): string[] => [
  `${name}: ${memorySize} MB, ${timeout} s`,
  ...environment.map((variable) => `    knows ${variable}`),
  ...permissions.map(permissionLine),
];

/** Resources that Pulumi itself keeps: the stack, providers. */
const isOwn = ({ type }: Pick<ResourceNode, "type">): boolean =>
  type.startsWith("aws:") || type.startsWith("awsx:");

export const reviewText = (plan: Plan): string => {
  const components = plan.resources.filter(({ type }) => type.startsWith("serverless:"));
  const resources = plan.resources
    .filter(isOwn)
    .sort((left, right) => compare(left.type, right.type) || compare(left.name, right.name));
  return [
    `Stack ${plan.stack}: ${resources.length} resources in ${components.length} components, ${plan.functions.length} functions.`,
    "",
    "== Components",
    ...components.map(({ type, name }) => `${type.split(":").at(-1)} ${name}`).sort(compare),
    "",
    "== Functions and what each may do",
    ...plan.functions.flatMap(functionLines),
    "",
    "== Resources and their settings",
    ...resources.flatMap(resourceLines),
    "",
  ].join("\n");
};
