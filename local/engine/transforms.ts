/** Calls the transforms that live in the program: over gRPC, as the real engine does. */
import type { Client } from "@grpc/grpc-js";
import type { RegisterResourceRequest, TransformResourceOptions } from "@pulumi/pulumi/proto/resource_pb.js";
import {
  callbackServices,
  callbacks,
  channelOptions,
  fromStruct,
  grpc,
  resources,
  toStruct,
} from "./protocol.ts";
import { type Registration, type TransformCallback, withTransform } from "./registration.ts";

type CallbacksClient = InstanceType<typeof callbackServices.CallbacksClient>;

/** One connection per address of the program's callback server, closed with the engine. */
export class TransformClients {
  readonly #clients = new Map<string, CallbacksClient>();

  /** Runs one callback of the program and returns the bytes of its answer. */
  invoke(callback: TransformCallback, request: Uint8Array): Promise<Uint8Array> {
    const message = new callbacks.CallbackInvokeRequest();
    message.setToken(callback.token);
    message.setRequest(request);
    return new Promise((resolve, reject) => {
      this.#client(callback.target).invoke(message, (error, response) =>
        error ? reject(new Error(error.details)) : resolve(response.getResponse_asU8()),
      );
    });
  }

  close(): void {
    for (const client of this.#clients.values()) (client as unknown as Client).close();
    this.#clients.clear();
  }

  #client(target: string): CallbacksClient {
    const existing = this.#clients.get(target);
    if (existing) return existing;
    const client = new callbackServices.CallbacksClient(
      target,
      grpc.credentials.createInsecure(),
      channelOptions,
    );
    this.#clients.set(target, client);
    return client;
  }
}

/** The options of a request in the form that transforms get. */
export const readOptions = (request: RegisterResourceRequest): TransformResourceOptions => {
  const options = new resources.TransformResourceOptions();
  options.setDependsOnList(request.getDependenciesList());
  if (request.hasProtect()) options.setProtect(request.getProtect() ?? false);
  options.setIgnoreChangesList(request.getIgnorechangesList());
  options.setReplaceOnChangesList(request.getReplaceonchangesList());
  options.setVersion(request.getVersion());
  options.setAliasesList(request.getAliasesList());
  options.setProvider(request.getProvider());
  options.setCustomTimeouts(request.getCustomtimeouts());
  options.setPluginDownloadUrl(request.getPlugindownloadurl());
  if (request.hasRetainondelete()) options.setRetainOnDelete(request.getRetainondelete() ?? false);
  options.setDeletedWith(request.getDeletedwith());
  if (request.getDeletebeforereplacedefined()) {
    options.setDeleteBeforeReplace(request.getDeletebeforereplace());
  }
  options.setAdditionalSecretOutputsList(request.getAdditionalsecretoutputsList());
  options.setImport(request.getImportid());
  for (const [name, provider] of request.getProvidersMap().toArray()) {
    options.getProvidersMap().set(name, provider);
  }
  return options;
};

/** The registration as the given transforms, first to last, leave it. Fails with what a transform throws. */
export const applyTransforms = async (
  registration: Registration,
  options: TransformResourceOptions,
  transforms: TransformCallback[],
  clients: TransformClients,
): Promise<Registration> => {
  let current = registration;
  let currentOptions = options;
  for (const transform of transforms) {
    const bytes = await clients.invoke(transform, encode(current, currentOptions));
    const response = resources.TransformResponse.deserializeBinary(bytes);
    currentOptions = response.getOptions() ?? currentOptions;
    current = withTransform(current, fromStruct(response.getProperties()), response.getOptions());
  }
  return current;
};

const encode = (registration: Registration, options: TransformResourceOptions): Uint8Array => {
  const request = new resources.TransformRequest();
  request.setType(registration.type);
  request.setName(registration.name);
  request.setCustom(registration.custom);
  request.setParent(registration.parent);
  request.setProperties(toStruct(registration.inputs));
  request.setOptions(options);
  return request.serializeBinary();
};
