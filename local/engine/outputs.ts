/**
 * What AWS would answer: ids and outputs as a pure function of the program, so that a program is evaluated without
 * a single service running, and twice the same.
 */
import { ACCESS } from "./aws/access.ts";
import { ANALYTICS } from "./aws/analytics.ts";
import { arn, type Blueprint, type Environment, hex, type NameRule, text, uuid } from "./aws/blueprint.ts";
import { DATA } from "./aws/data.ts";
import { DEPLOYMENTS } from "./aws/deployments.ts";
import { HTTP } from "./aws/http.ts";
import { IOT } from "./aws/iot.ts";
import { LAMBDA } from "./aws/lambda.ts";
import { MESSAGING } from "./aws/messaging.ts";
import { checkName, NameFailure, type Naming, physicalName } from "./aws/names.ts";
import { NETWORK, vpcOutputs } from "./aws/network.ts";
import { OPERATIONS } from "./aws/operations.ts";
import { isUnknown, type PropertyMap, plain, type ResourceNode, UNKNOWN } from "./graph.ts";

export type { Environment } from "./aws/blueprint.ts";

/** Nobody's account: twelve zeros. */
export const LOCAL_ACCOUNT = "000000000000";
export const DEFAULT_REGION = "us-east-1";

const BLUEPRINTS: Record<string, Blueprint> = {
  ...LAMBDA,
  ...DATA,
  ...ACCESS,
  ...HTTP,
  ...MESSAGING,
  ...ANALYTICS,
  ...IOT,
  ...NETWORK,
  ...DEPLOYMENTS,
  ...OPERATIONS,
};

export interface SynthesisRequest {
  urn: string;
  type: string;
  name: string;
  /** Wire form. */
  inputs: PropertyMap;
  /** A component that a plugin of its own builds. */
  remote?: boolean;
  /** For a resource that exists already: its id. */
  id?: string;
}

export interface Synthesis {
  id: string;
  /** Wire form: the inputs, what AWS fills in, and what it adds. Secret inputs stay secret. */
  outputs: PropertyMap;
  /** Names of outputs that are secret whatever the inputs are. */
  secrets: string[];
}

const blueprintOf = (type: string): Blueprint | undefined =>
  Object.hasOwn(BLUEPRINTS, type) ? BLUEPRINTS[type] : undefined;

/** True for a resource type whose outputs are a guess (`id`, `arn` and `name` only): it is declared, nothing more. */
export const isDeclaredOnly = (type: string): boolean =>
  type.includes("/") && blueprintOf(type) === undefined;

/** The input that holds a type's physical name, where the account may hold one of a name only. */
export const uniqueNameOf = (type: string): string | undefined => {
  const naming = blueprintOf(type)?.naming;
  return naming?.unique ? naming.property : undefined;
};

/** A resource's physical name, where its type has one and it is known. */
export const physicalNameOf = (node: Pick<ResourceNode, "type" | "outputs">): string | undefined => {
  const property = blueprintOf(node.type)?.naming?.property ?? "name";
  const value = plain(node.outputs[property] ?? null);
  return typeof value === "string" && !isUnknown(value) ? value : undefined;
};

/** The id and outputs of a resource. Throws when AWS or Pulumi would refuse its name. */
export const synthesise = (request: SynthesisRequest, environment: Environment): Synthesis => {
  if (request.type.startsWith("pulumi:providers:")) {
    return { id: uuid(request.urn), outputs: request.inputs, secrets: [] };
  }
  if (request.remote) return remoteComponent(request, environment);
  const { inputs, outputs, ...made } = create(request, environment);
  if (request.id !== undefined) return { ...made, id: request.id, outputs: { ...inputs, ...outputs } };
  if (!environment.dryRun) return { ...made, outputs: { ...inputs, ...outputs } };
  return { ...made, id: "", outputs: { ...inputs, ...hide(outputs) } };
};

interface Made extends Synthesis {
  inputs: PropertyMap;
}

const create = (request: SynthesisRequest, environment: Environment): Made => {
  const blueprint = blueprintOf(request.type) ?? guess(request);
  const region = text(request.inputs, "region") || environment.region;
  const place = { ...environment, region: isUnknown(region) ? environment.region : region };
  const given = request.id === undefined ? request.inputs : existing(blueprint, request);
  const named = withName(blueprint.naming, { ...request, inputs: given });
  const inputs: PropertyMap = { ...blueprint.defaults, ...named.inputs, ...common(request, place) };
  const opened = plain(inputs) as PropertyMap;
  const created = blueprint.create({
    urn: request.urn,
    name: named.name,
    inputs: opened,
    environment: place,
  });
  return { ...created, inputs, secrets: blueprint.secrets ?? [] };
};

/** In a preview everything that only AWS knows is unknown. */
const hide = (outputs: PropertyMap): PropertyMap =>
  Object.fromEntries(Object.keys(outputs).map((key) => [key, UNKNOWN]));

/** What the provider adds to every resource. */
const common = (request: SynthesisRequest, environment: Environment): PropertyMap => {
  if (!request.type.startsWith("aws:")) return {};
  const tagged: PropertyMap = request.inputs.tags === undefined ? {} : { tagsAll: request.inputs.tags };
  return { tagsAll: {}, ...tagged, ...(isGlobal(request.type) ? {} : { region: environment.region }) };
};

const isGlobal = (type: string): boolean => type.startsWith("aws:iam/") || type.startsWith("aws:index/");

const withName = (rule: NameRule | undefined, naming: Naming): { name: string; inputs: PropertyMap } => {
  if (!rule || isUnknown(naming.inputs[rule.property])) return { name: UNKNOWN, inputs: naming.inputs };
  const opened = { ...naming, inputs: plain(naming.inputs) as PropertyMap };
  if (rule.required && text(opened.inputs, rule.property) === "") {
    throw new NameFailure(
      `${naming.type} "${naming.name}" needs a ${rule.property}: AWS and Pulumi make none up.`,
    );
  }
  const name = physicalName(rule, opened);
  checkName(rule, opened, name);
  const given = naming.inputs[rule.property];
  return { name, inputs: { ...naming.inputs, [rule.property]: given ?? name } };
};

/** The inputs of a resource known by its id alone: the id tells the name. */
const existing = (blueprint: Blueprint, request: SynthesisRequest): PropertyMap => {
  const property = blueprint.naming?.property;
  const name = (request.id ?? "").split(/[/:]/).at(-1) ?? "";
  return property && name ? { ...request.inputs, [property]: name } : request.inputs;
};

/** `aws:athena/workgroup:Workgroup` -> an ARN of Athena's; other providers' resources get an id and a name. */
const guess = (request: SynthesisRequest): Blueprint => {
  const [provider = "", module = ""] = request.type.split(":");
  const [service = "", kind = ""] = module.split("/");
  const name = text(plain(request.inputs) as PropertyMap, "name") || `${request.name}-${hex(request.urn, 7)}`;
  return {
    create: ({ environment }) => ({
      id: name,
      outputs: { name, ...(provider === "aws" && { arn: arn(environment, service, `${kind}/${name}`) }) },
    }),
  };
};

/**
 * A component that a plugin builds (awsx) is one node here: its children are made by the plugin, which only the
 * real engine runs. Types without an entry get no outputs, so that using one fails and says so.
 */
const remoteComponent = (request: SynthesisRequest, environment: Environment): Synthesis => {
  const outputs = request.type === "awsx:ec2:Vpc" ? vpcOutputs(request.urn) : {};
  return { id: "", outputs: environment.dryRun ? hide(outputs) : outputs, secrets: [] };
};
