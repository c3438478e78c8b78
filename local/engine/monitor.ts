/** The engine's gRPC service, ResourceMonitor, over one deployment. Loopback only. */
import type { Server } from "@grpc/grpc-js";
import type { Callback } from "@pulumi/pulumi/proto/callback_pb.js";
import type {
  ReadResourceRequest,
  RegisterResourceOutputsRequest,
  RegisterResourceRequest,
  ResourceCallRequest,
  ResourceInvokeRequest,
  SupportsFeatureRequest,
} from "@pulumi/pulumi/proto/resource_pb.js";
import { type Deployment, describe, ResourceFailure } from "./deployment.ts";
import { type PropertyMap, plain } from "./graph.ts";
import { answerInvoke } from "./invokes.ts";
import type { Environment } from "./outputs.ts";
import {
  channelOptions,
  empty,
  fromStruct,
  grpc,
  resourceServices,
  resources,
  serve,
  toStruct,
} from "./protocol.ts";
import { readLookup, readRegistration, type TransformCallback } from "./registration.ts";
import { applyTransforms, readOptions, TransformClients } from "./transforms.ts";

/**
 * What this engine can do. Output values stay off: only plugins of remote components would see them. Hooks and state
 * migrations act on deployed state, of which there is none here.
 */
const FEATURES = [
  resources.ResourceMonitorFeature.RESOURCE_MONITOR_FEATURE_SECRETS,
  resources.ResourceMonitorFeature.RESOURCE_MONITOR_FEATURE_RESOURCE_REFERENCES,
  resources.ResourceMonitorFeature.RESOURCE_MONITOR_FEATURE_ALIAS_SPECS,
  resources.ResourceMonitorFeature.RESOURCE_MONITOR_FEATURE_DELETED_WITH,
  resources.ResourceMonitorFeature.RESOURCE_MONITOR_FEATURE_REPLACE_WITH,
  resources.ResourceMonitorFeature.RESOURCE_MONITOR_FEATURE_TRANSFORMS,
  resources.ResourceMonitorFeature.RESOURCE_MONITOR_FEATURE_PARAMETERIZATION,
];
/** The same by the names that older SDKs ask for one at a time. */
const FEATURE_NAMES = new Set([
  "secrets",
  "resourceReferences",
  "aliasSpecs",
  "deletedWith",
  "replaceWith",
  "transforms",
  "parameterization",
]);

/** The protocol's server for one run of a program. */
export class Monitor {
  readonly #deployment: Deployment;
  readonly #environment: Environment;
  readonly #onFailure: (error: Error) => void;
  readonly #server: Server;
  readonly #clients = new TransformClients();
  readonly #stackTransforms: TransformCallback[] = [];
  /** Transforms given to a component, by its URN: they hold for everything inside it. */
  readonly #componentTransforms = new Map<string, TransformCallback[]>();

  /** @param onFailure told of the first operation that was refused, before the program hears of it */
  constructor(deployment: Deployment, environment: Environment, onFailure: (error: Error) => void) {
    this.#deployment = deployment;
    this.#environment = environment;
    this.#onFailure = onFailure;
    this.#server = new grpc.Server(channelOptions);
    this.#server.addService(
      resourceServices.ResourceMonitorService,
      serve(resourceServices.ResourceMonitorService as unknown as Record<string, unknown>, {
        getDeploymentInfo: () => this.#describeDeployment(),
        supportsFeature: (request: SupportsFeatureRequest) => supportsFeature(request),
        registerResource: (request: RegisterResourceRequest) => this.#register(request),
        registerResourceOutputs: (request: RegisterResourceOutputsRequest) => this.#registerOutputs(request),
        readResource: (request: ReadResourceRequest) => this.#read(request),
        invoke: (request: ResourceInvokeRequest) => this.#invoke(request),
        call: (request: ResourceCallRequest) => refuseCall(request),
        registerStackTransform: (request: Callback) => this.#registerStackTransform(request),
        registerPackage: () => packageReference(),
        signalAndWaitForShutdown: () => empty(),
      }),
    );
  }

  /** Starts to listen on a free port of 127.0.0.1 and returns `host:port`. */
  listen(): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) =>
        error ? reject(error) : resolve(`127.0.0.1:${port}`),
      );
    });
  }

  close(): void {
    this.#clients.close();
    this.#server.forceShutdown();
  }

  /** Runs one operation of the program; a failure ends the whole run, so it is reported before the program hears of it. */
  async #guard<Result>(operation: () => Result | Promise<Result>): Promise<Result> {
    try {
      return await operation();
    } catch (error) {
      this.#onFailure(error instanceof Error ? error : new Error(String(error)));
      throw error;
    }
  }

  #register(request: RegisterResourceRequest) {
    return this.#guard(async () => {
      const registration = readRegistration(request);
      const urn = this.#deployment.claim(registration);
      if (registration.transforms.length > 0) this.#componentTransforms.set(urn, registration.transforms);
      const transforms = [...registration.transforms, ...this.#inheritedTransforms(registration.parent)];
      const final =
        transforms.length === 0
          ? registration
          : await applyTransforms(registration, readOptions(request), transforms, this.#clients).catch(
              (error: Error) => {
                throw new ResourceFailure(`${describe(registration)}: ${error.message}`);
              },
            );
      const { id, outputs } = this.#deployment.register(urn, final);
      const response = new resources.RegisterResourceResponse();
      response.setUrn(urn);
      response.setId(id);
      response.setObject(toStruct(outputs));
      response.setUnknown(!this.#environment.dryRun);
      return response;
    });
  }

  /** The transforms of all ancestors, nearest first, then the stack's. */
  #inheritedTransforms(parent: string): TransformCallback[] {
    const inherited: TransformCallback[] = [];
    let urn = parent;
    while (urn) {
      inherited.push(...(this.#componentTransforms.get(urn) ?? []));
      urn = this.#deployment.find(urn)?.parent ?? "";
    }
    return [...inherited, ...this.#stackTransforms];
  }

  #read(request: ReadResourceRequest) {
    return this.#guard(() => {
      const { urn, outputs } = this.#deployment.read(readLookup(request));
      const response = new resources.ReadResourceResponse();
      response.setUrn(urn);
      response.setProperties(toStruct(outputs));
      response.setUnknown(!this.#environment.dryRun);
      return response;
    });
  }

  #registerOutputs(request: RegisterResourceOutputsRequest) {
    return this.#guard(() => {
      this.#deployment.registerOutputs(request.getUrn(), fromStruct(request.getOutputs()));
      return empty();
    });
  }

  #invoke(request: ResourceInvokeRequest) {
    const args = plain(fromStruct(request.getArgs())) as PropertyMap;
    const response = new resources.ResourceInvokeResponse();
    const token = request.getTok();
    response.setReturn(
      toStruct(
        token === "pulumi:pulumi:getResource"
          ? this.#getResource(args)
          : answerInvoke(token, args, this.#environment),
      ),
    );
    return response;
  }

  /** How a program opens a reference to a resource that it got as a value. */
  #getResource(args: PropertyMap): PropertyMap {
    const node = this.#deployment.find(String(args.urn));
    if (!node) throw new Error(`The program refers to ${args.urn}, which is not registered.`);
    return { urn: node.urn, id: node.id, state: node.outputs };
  }

  #registerStackTransform(callback: Callback) {
    this.#stackTransforms.push({ target: callback.getTarget(), token: callback.getToken() });
    return empty();
  }

  #describeDeployment() {
    const info = new resources.DeploymentInfo();
    info.setProject(this.#environment.project);
    info.setStack(this.#environment.stack);
    info.setDryrun(this.#environment.dryRun);
    info.setSupportedfeaturesList(FEATURES);
    return info;
  }
}

const supportsFeature = (request: SupportsFeatureRequest) => {
  const response = new resources.SupportsFeatureResponse();
  response.setHassupport(FEATURE_NAMES.has(request.getId()));
  return response;
};

const packageReference = () => {
  const response = new resources.RegisterPackageResponse();
  response.setRef("local");
  return response;
};

const refuseCall = (request: ResourceCallRequest): never => {
  throw new Error(
    `The program calls the method "${request.getTok()}" of a remote component: its plugin runs under the real engine only.`,
  );
};
