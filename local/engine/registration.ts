/** Requests of the resource protocol as plain data. */
import type { Alias } from "@pulumi/pulumi/proto/alias_pb.js";
import type {
  ReadResourceRequest,
  RegisterResourceRequest,
  TransformResourceOptions,
} from "@pulumi/pulumi/proto/resource_pb.js";
import type { StackTrace } from "@pulumi/pulumi/proto/source_pb.js";
import type { PropertyMap } from "./graph.ts";
import { fromStruct } from "./protocol.ts";
import { type Frame, framePath } from "./source.ts";

/** A function in the program that rewrites a resource before it is registered, reached over gRPC. */
export interface TransformCallback {
  target: string;
  token: string;
}

export interface Registration {
  type: string;
  name: string;
  custom: boolean;
  remote: boolean;
  parent: string;
  /** `urn::id` of an explicit provider; empty for the default one. */
  provider: string;
  inputs: PropertyMap;
  dependencies: string[];
  propertyDependencies: Record<string, string[]>;
  protect: boolean;
  deleteBeforeReplace: boolean;
  ignoreChanges: string[];
  additionalSecretOutputs: string[];
  aliases: string[];
  transforms: TransformCallback[];
  frames: Frame[];
}

export interface Lookup
  extends Pick<
    Registration,
    "type" | "name" | "parent" | "inputs" | "dependencies" | "provider" | "frames" | "additionalSecretOutputs"
  > {
  id: string;
}

/** An alias as text: a URN as it is, a specification as `key=value` pairs. */
const describeAlias = (alias: Alias): string => {
  if (alias.hasUrn()) return alias.getUrn();
  const spec = alias.getSpec();
  const parts = {
    name: spec?.getName(),
    type: spec?.getType(),
    stack: spec?.getStack(),
    project: spec?.getProject(),
    parent: spec?.getNoparent() ? "none" : spec?.getParenturn(),
  };
  return Object.entries(parts)
    .filter(([, value]) => value)
    .map(([key, value]) => `${key}=${value}`)
    .join(",");
};

const readFrames = (trace: StackTrace | undefined): Frame[] =>
  (trace?.getFramesList() ?? []).flatMap((frame) => {
    const position = frame.getPc();
    if (!position?.getUri()) return [];
    return [{ file: framePath(position.getUri()), line: position.getLine(), column: position.getColumn() }];
  });

const readPropertyDependencies = (request: RegisterResourceRequest): Record<string, string[]> =>
  Object.fromEntries(
    request
      .getPropertydependenciesMap()
      .toArray()
      .map(([key, dependencies]) => [key, urnsOf(dependencies)]),
  );

/** A map's entry arrives as a message, or as its bare fields once the map has been unpacked. */
const urnsOf = (dependencies: unknown): string[] => {
  if (Array.isArray(dependencies)) return (dependencies[0] ?? []) as string[];
  return (dependencies as RegisterResourceRequest.PropertyDependencies).getUrnsList();
};

export const readRegistration = (request: RegisterResourceRequest): Registration => ({
  type: request.getType(),
  name: request.getName(),
  custom: request.getCustom(),
  remote: request.getRemote(),
  parent: request.getParent(),
  provider: request.getProvider(),
  inputs: fromStruct(request.getObject()),
  dependencies: request.getDependenciesList(),
  propertyDependencies: readPropertyDependencies(request),
  protect: request.getProtect() ?? false,
  deleteBeforeReplace: request.getDeletebeforereplace(),
  ignoreChanges: request.getIgnorechangesList(),
  additionalSecretOutputs: request.getAdditionalsecretoutputsList(),
  aliases: [...request.getAliasesList().map(describeAlias), ...request.getAliasurnsList()],
  transforms: request
    .getTransformsList()
    .map((callback) => ({ target: callback.getTarget(), token: callback.getToken() })),
  frames: readFrames(request.getStacktrace()),
});

export const readLookup = (request: ReadResourceRequest): Lookup => ({
  type: request.getType(),
  name: request.getName(),
  id: request.getId(),
  parent: request.getParent(),
  provider: request.getProvider(),
  inputs: fromStruct(request.getProperties()),
  dependencies: request.getDependenciesList(),
  additionalSecretOutputs: request.getAdditionalsecretoutputsList(),
  frames: readFrames(request.getStacktrace()),
});

/** The registration after a transform has answered with new properties and options. */
export const withTransform = (
  registration: Registration,
  properties: PropertyMap,
  options: TransformResourceOptions | undefined,
): Registration => {
  const known = Object.entries(registration.propertyDependencies).filter(([key]) => key in properties);
  const changed = { ...registration, inputs: properties, propertyDependencies: Object.fromEntries(known) };
  if (!options) return changed;
  return {
    ...changed,
    dependencies: [...new Set([...options.getDependsOnList(), ...known.flatMap(([, urns]) => urns)])],
    protect: options.getProtect() ?? false,
    deleteBeforeReplace: options.getDeleteBeforeReplace() ?? false,
    ignoreChanges: options.getIgnoreChangesList(),
    additionalSecretOutputs: options.getAdditionalSecretOutputsList(),
    provider: options.getProvider(),
    aliases: options.getAliasesList().map(describeAlias),
  };
};
