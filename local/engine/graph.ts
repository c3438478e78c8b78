/**
 * The program's resource graph, as the engine recorded it from Pulumi's own protocol.
 *
 * Property values keep their wire form: a secret is `{ [SIGNATURE]: SECRET, value }`, an unknown is the
 * `UNKNOWN` string, an asset or archive is `{ [SIGNATURE]: ASSET | ARCHIVE, ... }`. `plain` and `redact` give
 * the two readable views.
 * Source: https://www.pulumi.com/docs/iac/advanced/pulumi-internals (special signatures of the resource protocol),
 * @pulumi/pulumi/runtime/rpc.
 */

export const SIGNATURE = "4dabf18193072939515e22adb298388d";
export const SECRET = "1b47061264138c4ac30d75fd1eb44270";
export const ASSET = "c44067f5952c0a294b673a41bacd8c17";
export const ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7";
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

export type PropertyValue = null | boolean | number | string | PropertyValue[] | PropertyMap;
export interface PropertyMap {
  [key: string]: PropertyValue;
}

/** One registered resource. */
export interface ResourceNode {
  urn: string;
  /** Type token, e.g. `aws:kinesis/stream:Stream`, or a component's own, e.g. `serverless:index:Stream`. */
  type: string;
  /** Logical name, the first constructor argument. */
  name: string;
  /** True for a resource that a provider makes, false for a component. */
  custom: boolean;
  /** True for a component that its own plugin builds (awsx): its children are not in the graph. */
  remote: boolean;
  /** True for one that exists already and was only looked up (`Bucket.get`): the program does not own it. */
  external?: boolean;
  /** URN of the parent; empty for the stack itself. */
  parent: string;
  /** Provider id; empty for components and in a dry run. */
  id: string;
  /** Inputs in wire form, after transforms. */
  inputs: PropertyMap;
  /** Outputs in wire form: inputs, plus what the provider adds. */
  outputs: PropertyMap;
  /** URNs of everything it depends on, `dependsOn` included. */
  dependencies: string[];
  /** Per input property, the URNs that its value came from. */
  propertyDependencies: Record<string, string[]>;
  protect: boolean;
  deleteBeforeReplace: boolean;
  ignoreChanges: string[];
  aliases: string[];
  /** `file:line:column` of the constructor call, where the program reports it. */
  sourcePosition?: string;
}

export interface Graph {
  project: string;
  stack: string;
  dryRun: boolean;
  /** In the order of registration; the root stack is first. */
  resources: ResourceNode[];
  /** The stack's outputs (what index.ts exports), in wire form. */
  outputs: PropertyMap;
  /** From spawning the program to its end, in milliseconds. */
  durationMs: number;
}

const isMap = (value: PropertyValue): value is PropertyMap =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export const isSecret = (value: PropertyValue): value is PropertyMap =>
  isMap(value) && value[SIGNATURE] === SECRET;

export const isUnknown = (value: PropertyValue | undefined): boolean => value === UNKNOWN;

const mapValue = (value: PropertyValue, secret: (inner: PropertyValue) => PropertyValue): PropertyValue => {
  if (Array.isArray(value)) return value.map((item) => mapValue(item, secret));
  if (isSecret(value)) return secret(value.value ?? null);
  if (!isMap(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, mapValue(inner, secret)]));
};

/** The value with secrets opened, for use inside the local runtime. Never print it. */
export const plain = (value: PropertyValue): PropertyValue => mapValue(value, (inner) => plain(inner));

/** The value with every secret replaced by `[secret]`, for printing. */
export const redact = (value: PropertyValue): PropertyValue => mapValue(value, () => "[secret]");
