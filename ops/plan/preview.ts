/** The program's resources as a preview lists them. Pure. */

import {
  ARCHIVE,
  ASSET,
  type Graph,
  isUnknown,
  type PropertyMap,
  type PropertyValue,
  type ResourceNode,
  redact,
  SIGNATURE,
} from "../../local/engine/graph.ts";
import { shortType } from "../shared/short-type.ts";

/** One resource of the JSON report. */
export interface PlannedResource {
  urn: string;
  type: string;
  name: string;
  parent: string;
  dependencies: string[];
  propertyDependencies: Record<string, string[]>;
  protect: boolean;
  /** What the program gave, secrets as `[secret]`, what only AWS knows as `[unknown]`. */
  inputs: PropertyMap;
}

const compare = (left: string, right: string): number => (left < right ? -1 : Number(left > right));

const bySiblingOrder = (left: ResourceNode, right: ResourceNode): number =>
  compare(left.name, right.name) || compare(left.type, right.type);

interface TreeNode {
  node: ResourceNode;
  children: TreeNode[];
}

/** The resources by parent, brothers by name: the same for every run, whatever the order of registration. */
const buildTree = (graph: Graph): TreeNode[] => {
  const byParent = Map.groupBy(graph.resources, (node) => node.parent);
  const below = (parent: string): TreeNode[] =>
    [...(byParent.get(parent) ?? [])]
      .sort(bySiblingOrder)
      .map((node) => ({ node, children: below(node.urn) }));
  return below("");
};

const flatten = (tree: TreeNode[]): ResourceNode[] =>
  tree.flatMap(({ node, children }) => [node, ...flatten(children)]);

interface Row {
  left: string;
  name: string;
}

/** The rows of one resource and of everything inside it. */
const rowsOf = ({ node, children }: TreeNode, lead: string, indent: string): Row[] => [
  { left: `${lead}${shortType(node.type)}`, name: nameOf(node) },
  ...children.flatMap((child, index) => {
    const last = index === children.length - 1;
    return rowsOf(child, `${indent}${last ? "└─ " : "├─ "}`, `${indent}${last ? "   " : "│  "}`);
  }),
];

/** Type and name of every resource, children indented under their parent, names in one column. */
export const treeLines = (graph: Graph): string[] => {
  const rows = buildTree(graph).flatMap((root) => rowsOf(root, "", ""));
  const width = Math.max(...rows.map(({ left }) => left.length));
  return rows.map(({ left, name }) => `${left.padEnd(width)}  ${name}`);
};

const nameOf = (node: ResourceNode): string => {
  const marks = [
    node.external && "exists already",
    node.remote && "by its plugin",
    node.protect && "protected",
  ];
  const shown = marks.filter(Boolean).join(", ");
  return shown ? `${node.name} (${shown})` : node.name;
};

const isMap = (value: PropertyValue): value is PropertyMap =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** `{ fileArchive: path }` and the like, in place of the protocol's signatures. */
const assetView = (value: PropertyMap, kind: "Asset" | "Archive"): PropertyMap => {
  if (typeof value.path === "string") return { [`file${kind}`]: value.path };
  if (typeof value.uri === "string") return { [`remote${kind}`]: value.uri };
  if (typeof value.text === "string") return { [`string${kind}`]: value.text };
  return { assets: readable(value.assets ?? {}) };
};

/** A value for people: no signatures, no secrets, `[unknown]` for what is not known. */
export const readable = (value: PropertyValue): PropertyValue => {
  const shown = redact(value);
  if (isUnknown(shown)) return "[unknown]";
  if (Array.isArray(shown)) return shown.map(readable);
  if (!isMap(shown)) return shown;
  if (shown[SIGNATURE] === ASSET) return assetView(shown, "Asset");
  if (shown[SIGNATURE] === ARCHIVE) return assetView(shown, "Archive");
  return Object.fromEntries(Object.entries(shown).map(([key, inner]) => [key, readable(inner)]));
};

/** Every resource in the order of the tree, lists sorted, so that two plans of one program are one text. */
export const plannedResources = (graph: Graph): PlannedResource[] =>
  flatten(buildTree(graph)).map((node) => ({
    urn: node.urn,
    type: node.type,
    name: node.name,
    parent: node.parent,
    dependencies: [...node.dependencies].sort(),
    propertyDependencies: Object.fromEntries(
      Object.entries(node.propertyDependencies)
        .filter(([, urns]) => urns.length > 0)
        .sort(([left], [right]) => compare(left, right))
        .map(([property, urns]) => [property, [...urns].sort()]),
    ),
    protect: node.protect,
    inputs: readable(node.inputs) as PropertyMap,
  }));
