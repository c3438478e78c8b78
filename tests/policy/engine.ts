/**
 * The engine's side of Pulumi's analyzer protocol: starts a policy pack as the Pulumi CLI does and asks it about
 * resources.
 * Source: https://github.com/pulumi/pulumi/blob/master/sdk/go/common/resource/plugin/analyzer_plugin.go (working
 * folder, arguments, which properties are sent) and sdk/nodejs/dist/pulumi-analyzer-policy (what is run).
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { AnalyzeResponse, AnalyzerInfo } from "@pulumi/pulumi/proto/analyzer_pb.js";
import type { Graph, PropertyMap, PropertyValue, ResourceNode } from "../../local/engine/graph.ts";
import { empty, grpc, toStruct } from "../../local/engine/protocol.ts";

type Empty = ReturnType<typeof empty>;

const load = createRequire(import.meta.url);
const messages: typeof import("@pulumi/pulumi/proto/analyzer_pb.js") = load(
  "@pulumi/pulumi/proto/analyzer_pb.js",
);
const services: typeof import("@pulumi/pulumi/proto/analyzer_grpc_pb.js") = load(
  "@pulumi/pulumi/proto/analyzer_grpc_pb.js",
);

export interface Diagnostic {
  policy: string;
  urn: string;
  /** Without the rule's description, which the policy server puts in the line before. */
  message: string;
  mandatory: boolean;
}

export interface Analyzer {
  info(): Promise<AnalyzerInfo.AsObject>;
  /** What the pack says of one resource's inputs, before it is created. */
  analyze(node: ResourceNode): Promise<Diagnostic[]>;
  /** What the pack says of all resources' outputs, at the end of a preview or an update. */
  analyzeStack(graph: Graph): Promise<Diagnostic[]>;
  stop(): Promise<void>;
}

/** Starts the pack in a folder. @throws {Error} with what it said when it ends before it listens. */
export async function startAnalyzer(pack: string): Promise<Analyzer> {
  const runner = createRequire(join(pack, "package.json")).resolve("@pulumi/pulumi/cmd/run-policy-pack");
  const child = spawn(process.execPath, [runner, "127.0.0.1:1", "."], {
    cwd: pack,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const port = await portOf(child);
  const client = new services.AnalyzerClient(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  return {
    info: async () =>
      (await call<Empty, AnalyzerInfo>(client.getAnalyzerInfo.bind(client), empty())).toObject(),
    analyze: async (node) => diagnosticsOf(await call(client.analyze.bind(client), analyzeRequest(node))),
    analyzeStack: async (graph) =>
      diagnosticsOf(await call(client.analyzeStack.bind(client), stackRequest(graph))),
    stop: async () => {
      client.close();
      child.kill();
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    },
  };
}

/** The first line that a plugin writes is its port. */
async function portOf(child: ChildProcess): Promise<number> {
  const said: string[] = [];
  child.stderr?.on("data", (chunk) => said.push(String(chunk)));
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  const ended = once(child, "close").then(() => {
    throw new Error(said.join(""));
  });
  const [line] = (await Promise.race([once(lines, "line"), ended])) as [string];
  // From here on the end of the process is wanted.
  ended.catch(() => {});
  return Number(line);
}

type Unary<Request, Response> = (
  request: Request,
  reply: (error: import("@grpc/grpc-js").ServiceError | null, response: Response) => void,
) => unknown;

const call = <Request, Response>(method: Unary<Request, Response>, request: Request): Promise<Response> =>
  new Promise((resolve, reject) => {
    method(request, (error, response) => (error ? reject(error) : resolve(response)));
  });

/** The engine leaves internal keys out. */
const withoutInternals = (value: PropertyValue): PropertyValue => {
  if (Array.isArray(value)) return value.map(withoutInternals);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !key.startsWith("__"))
      .map(([key, inner]) => [key, withoutInternals(inner)]),
  );
};

const struct = (properties: PropertyMap) => toStruct(withoutInternals(properties) as PropertyMap);

const optionsOf = (node: ResourceNode) => {
  const options = new messages.AnalyzerResourceOptions();
  options.setProtect(node.protect);
  options.setParent(node.parent);
  return options;
};

function analyzeRequest(node: ResourceNode) {
  const request = new messages.AnalyzeRequest();
  request.setUrn(node.urn);
  request.setType(node.type);
  request.setName(node.name);
  request.setProperties(struct(node.inputs));
  request.setOptions(optionsOf(node));
  return request;
}

function stackRequest(graph: Graph) {
  const request = new messages.AnalyzeStackRequest();
  request.setResourcesList(graph.resources.map(analyzerResource));
  return request;
}

function analyzerResource(node: ResourceNode) {
  const resource = new messages.AnalyzerResource();
  resource.setUrn(node.urn);
  resource.setType(node.type);
  resource.setName(node.name);
  resource.setProperties(struct(node.outputs));
  resource.setOptions(optionsOf(node));
  resource.setParent(node.parent);
  resource.setDependenciesList(node.dependencies);
  for (const [property, urns] of Object.entries(node.propertyDependencies)) {
    if (urns.length === 0) continue;
    const dependencies = new messages.AnalyzerPropertyDependencies();
    dependencies.setUrnsList(urns);
    resource.getPropertydependenciesMap().set(property, dependencies);
  }
  return resource;
}

const diagnosticsOf = (response: AnalyzeResponse): Diagnostic[] =>
  response.getDiagnosticsList().map((diagnostic) => ({
    policy: diagnostic.getPolicyname(),
    urn: diagnostic.getUrn(),
    message: diagnostic.getMessage().split("\n").slice(1).join("\n"),
    mandatory: diagnostic.getEnforcementlevel() === messages.EnforcementLevel.MANDATORY,
  }));
