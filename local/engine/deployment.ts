/**
 * The engine's memory of one run of the program: what was registered, what it depends on, what came out.
 * No gRPC and no processes: `monitor.ts` translates the protocol's messages to these calls.
 */
import {
  isSecret,
  isUnknown,
  type PropertyMap,
  type PropertyValue,
  plain,
  type ResourceNode,
  SECRET,
  SIGNATURE,
} from "./graph.ts";
import type { Environment } from "./outputs.ts";
import { physicalNameOf, synthesise } from "./outputs.ts";
import type { Lookup, Registration } from "./registration.ts";
import { innermost } from "./source.ts";
import { createUrn, isStackType } from "./urn.ts";

/** A resource that cannot be: `message` names it, the value and the cure. */
export class ResourceFailure extends Error {
  override name = "ResourceFailure";
}

/**
 * The optional inputs that a resource type's class declares. AWS answers an unset one with null; anything else
 * that is missing from a resource's outputs is missing by mistake.
 */
export type OptionalInputs = (type: string) => string[];

export interface DeploymentOptions {
  environment: Environment;
  /** Absolute path of the program; positions are relative to it. */
  directory: string;
  optionalInputs: OptionalInputs;
}

export interface Registered {
  urn: string;
  id: string;
  outputs: PropertyMap;
}

const asSecret = (value: PropertyValue): PropertyValue =>
  isSecret(value) ? value : { [SIGNATURE]: SECRET, value };

const withSecrets = (outputs: PropertyMap, names: string[]): PropertyMap =>
  Object.fromEntries(
    Object.entries(outputs).map(([key, value]) => [key, names.includes(key) ? asSecret(value) : value]),
  );

/** The path of the first unknown inside a value: `environment.variables.TABLE`. */
const findUnknown = (value: PropertyValue, path: string[] = []): string | undefined => {
  if (isUnknown(value)) return path.join(".");
  if (typeof value !== "object" || value === null) return undefined;
  for (const [key, inner] of Object.entries(value)) {
    const found = findUnknown(inner as PropertyValue, [...path, key]);
    if (found !== undefined) return found;
  }
  return undefined;
};

export class Deployment {
  readonly resources: ResourceNode[] = [];
  readonly #options: DeploymentOptions;
  readonly #byUrn = new Map<string, ResourceNode>();
  /** URNs whose registration has begun: a transform may still be working on the resource itself. */
  readonly #claimed = new Set<string>();
  #stackOutputs: PropertyMap | undefined;

  constructor(options: DeploymentOptions) {
    this.#options = options;
  }

  /** What index.ts exported; nothing until the program has said so. */
  get stackOutputs(): PropertyMap | undefined {
    return this.#stackOutputs;
  }

  find(urn: string): ResourceNode | undefined {
    return this.#byUrn.get(urn);
  }

  /** Reserves the resource's URN. Throws when it is taken. */
  claim(resource: { parent: string; type: string; name: string }): string {
    const urn = createUrn(this.#options.environment, resource);
    if (this.#claimed.has(urn)) {
      throw new ResourceFailure(
        `${resource.type} "${resource.name}" is registered twice (URN ${urn}). Give one of them another name or parent.`,
      );
    }
    this.#claimed.add(urn);
    return urn;
  }

  /** Records a claimed resource and gives it its outputs. */
  register(urn: string, registration: Registration): Registered {
    this.#refuseUnknown(registration);
    const { id, outputs, secrets } = this.#create(urn, registration);
    const node: ResourceNode = {
      urn,
      ...pickRecorded(registration),
      id,
      outputs: withSecrets(outputs, [...secrets, ...registration.additionalSecretOutputs]),
      sourcePosition: innermost(registration.frames, this.#options.directory),
    };
    this.#add(node);
    return { urn, id, outputs: this.#complete(node) };
  }

  /** Records a resource that exists already (`Bucket.get("uploads", id)`). */
  read(lookup: Lookup): Registered {
    const urn = this.claim(lookup);
    this.#refuseLookupByName(lookup);
    const known = this.#sameResource(lookup);
    const made = this.#create(urn, { ...lookup, custom: true, remote: false }, lookup.id);
    const outputs = known?.outputs ?? made.outputs;
    const node: ResourceNode = {
      urn,
      type: lookup.type,
      name: lookup.name,
      custom: true,
      remote: false,
      external: true,
      parent: lookup.parent,
      id: lookup.id,
      inputs: lookup.inputs,
      outputs: withSecrets(outputs, [...made.secrets, ...lookup.additionalSecretOutputs]),
      dependencies: lookup.dependencies,
      propertyDependencies: {},
      protect: false,
      deleteBeforeReplace: false,
      ignoreChanges: [],
      aliases: [],
      sourcePosition: innermost(lookup.frames, this.#options.directory),
    };
    this.#add(node);
    return { urn, id: lookup.id, outputs: this.#complete(node) };
  }

  registerOutputs(urn: string, outputs: PropertyMap): void {
    const node = this.find(urn);
    if (!node) throw new ResourceFailure(`Outputs were registered for ${urn}, which is not registered.`);
    node.outputs = outputs;
    if (!isStackType(node.type)) return;
    const unknown = this.#options.environment.dryRun ? undefined : findUnknown(outputs);
    if (unknown !== undefined) {
      throw new ResourceFailure(
        `Stack output "${unknown}" has no value: it comes from a property that the local engine does not provide.`,
      );
    }
    this.#stackOutputs = outputs;
  }

  #add(node: ResourceNode): void {
    this.resources.push(node);
    this.#byUrn.set(node.urn, node);
  }

  #create(
    urn: string,
    resource: Pick<Registration, "type" | "name" | "custom" | "remote" | "inputs" | "provider">,
    id?: string,
  ) {
    if (!resource.custom && !resource.remote) return { id: "", outputs: {}, secrets: [] };
    const { type, name, inputs, remote } = resource;
    return synthesise({ urn, type, name, inputs, remote, id }, this.#environmentOf(resource.provider));
  }

  /** An explicit provider (`new aws.Provider("eu", { region })`) moves its resources to its own region. */
  #environmentOf(provider: string): Environment {
    const { environment } = this.#options;
    const settings = this.find(provider.slice(0, provider.lastIndexOf("::")))?.inputs;
    const region = settings && plain(settings.region ?? null);
    return typeof region === "string" && !isUnknown(region) ? { ...environment, region } : environment;
  }

  /** What the program is told: outputs, and null for every optional input that was left out. */
  #complete(node: ResourceNode): PropertyMap {
    if (this.#options.environment.dryRun || !node.custom) return node.outputs;
    const unset = this.#options.optionalInputs(node.type).filter((name) => !(name in node.outputs));
    return { ...node.outputs, ...Object.fromEntries(unset.map((name) => [name, null])) };
  }

  #refuseUnknown(registration: Registration): void {
    if (this.#options.environment.dryRun) return;
    const path = findUnknown(registration.inputs);
    if (path === undefined) return;
    const origins = registration.propertyDependencies[path.split(".")[0] ?? ""] ?? [];
    const names = origins.map((urn) => describe(this.find(urn))).join(" or ");
    throw new ResourceFailure(
      `${describe(registration)}: input "${path}" has no value. It comes from ${names || "another resource"}, whose property the local engine does not provide.`,
    );
  }

  #sameResource(lookup: Lookup): ResourceNode | undefined {
    return this.resources.find(
      (node) => node.type === lookup.type && node.id !== "" && node.id === lookup.id,
    );
  }

  /** A preview knows names but no ids, so AWS is asked for a resource that is not there yet. */
  #refuseLookupByName(lookup: Lookup): void {
    if (!this.#options.environment.dryRun || isUnknown(lookup.id)) return;
    const owner = this.resources.find(
      (node) => node.type === lookup.type && !node.external && physicalNameOf(node) === lookup.id,
    );
    if (!owner) return;
    throw new ResourceFailure(
      `${describe(lookup)} looks up "${lookup.id}", the name of ${describe(owner)} made by this same program: a preview would not find it. Use its id, or the resource itself.`,
    );
  }
}

export const describe = (resource: { type: string; name: string } | undefined): string =>
  resource ? `${resource.type} "${resource.name}"` : "an unknown resource";

const pickRecorded = (registration: Registration) => ({
  type: registration.type,
  name: registration.name,
  custom: registration.custom,
  remote: registration.remote,
  parent: registration.parent,
  inputs: registration.inputs,
  dependencies: registration.dependencies,
  propertyDependencies: registration.propertyDependencies,
  protect: registration.protect,
  deleteBeforeReplace: registration.deleteBeforeReplace,
  ignoreChanges: registration.ignoreChanges,
  aliases: registration.aliases,
});
