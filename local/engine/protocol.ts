/**
 * The generated stubs of Pulumi's resource protocol, and the few lines that make them pleasant to use.
 * The stubs ship inside @pulumi/pulumi and are no public API: they are loaded here and nowhere else, and the
 * version in package.json is exact.
 * Source: https://github.com/pulumi/pulumi/tree/master/proto/pulumi
 */
import { createRequire } from "node:module";
import type { ServerUnaryCall, sendUnaryData, UntypedServiceImplementation } from "@grpc/grpc-js";
import type { Struct } from "google-protobuf/google/protobuf/struct_pb.js";
import type { PropertyMap } from "./graph.ts";

const load = createRequire(import.meta.url);

export const grpc: typeof import("@grpc/grpc-js") = load("@grpc/grpc-js");
export const resources: typeof import("@pulumi/pulumi/proto/resource_pb.js") = load(
  "@pulumi/pulumi/proto/resource_pb.js",
);
export const resourceServices: typeof import("@pulumi/pulumi/proto/resource_grpc_pb.js") = load(
  "@pulumi/pulumi/proto/resource_grpc_pb.js",
);
export const callbacks: typeof import("@pulumi/pulumi/proto/callback_pb.js") = load(
  "@pulumi/pulumi/proto/callback_pb.js",
);
export const callbackServices: typeof import("@pulumi/pulumi/proto/callback_grpc_pb.js") = load(
  "@pulumi/pulumi/proto/callback_grpc_pb.js",
);
const structs: typeof import("google-protobuf/google/protobuf/struct_pb.js") = load(
  "google-protobuf/google/protobuf/struct_pb.js",
);
const empties: typeof import("google-protobuf/google/protobuf/empty_pb.js") = load(
  "google-protobuf/google/protobuf/empty_pb.js",
);

/** Pulumi's own limit for one message, in bytes; gRPC's default of 4 MB is too small for inline assets. */
const MAX_MESSAGE_BYTES = 400 * 1024 * 1024;

export const channelOptions = {
  "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
  "grpc.max_send_message_length": MAX_MESSAGE_BYTES,
};

export const empty = (): InstanceType<typeof empties.Empty> => new empties.Empty();

export const toStruct = (properties: PropertyMap): Struct => structs.Struct.fromJavaScript(properties);

export const fromStruct = (struct: Struct | undefined): PropertyMap =>
  (struct?.toJavaScript() ?? {}) as PropertyMap;

/** A unary gRPC method from an ordinary function; what it throws becomes the status the program sees. */
const unary =
  <Request, Response>(handle: (request: Request) => Response | Promise<Response>) =>
  async (call: ServerUnaryCall<Request, Response>, reply: sendUnaryData<Response>): Promise<void> => {
    try {
      reply(null, await handle(call.request));
    } catch (error) {
      reply({ code: grpc.status.UNKNOWN, message: error instanceof Error ? error.message : String(error) });
    }
  };

// biome-ignore lint/suspicious/noExplicitAny: one handler type per method lives in the stubs; the caller's are checked there
type Handlers = Record<string, (request: any) => unknown>;

/** Handlers for every method of a service: those given, and a named refusal for the others. */
export const serve = (
  definition: Record<string, unknown>,
  handlers: Handlers,
): UntypedServiceImplementation =>
  Object.fromEntries(
    Object.keys(definition).map((method) => [
      method,
      handlers[method] ? unary(handlers[method]) : refuse(method),
    ]),
  );

const refuse = (method: string) => (_call: unknown, reply: sendUnaryData<unknown>) =>
  reply({ code: grpc.status.UNIMPLEMENTED, message: `The local engine does not implement "${method}".` });
