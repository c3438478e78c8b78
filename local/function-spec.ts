import { createHash } from "node:crypto";
import { join } from "node:path";
import {
  ARCHIVE,
  type Graph,
  type PropertyMap,
  plain,
  type ResourceNode,
  SIGNATURE,
} from "./engine/graph.ts";
import { functionNameOf } from "./lambda/permission.ts";
import type { FunctionSpec } from "./lambda/spec.ts";
import { withLocalQueues } from "./queue-urls.ts";

/** Where functions run: what their environment says about the outside. */
export interface FunctionPlace {
  /** The program's directory, which archive paths are relative to. */
  directory: string;
  region: string;
  endpointUrl: string;
  /** Puts what is local into a function's variables. */
  localise: (variables: Record<string, string>) => Record<string, string>;
  /** Makes the function's secret key; throw-away, only the local endpoint knows it. */
  secretAccessKey: (functionName: string) => string;
}

const map = (value: unknown): PropertyMap =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as PropertyMap) : {};

/**
 * What the Lambda pool needs to run a registered `aws:lambda/function:Function`.
 * @throws {Error} naming the function when its code is not a zip file of the program's own.
 */
export function functionSpec(node: ResourceNode, graph: Graph, place: FunctionPlace): FunctionSpec {
  const properties = map(plain(node.outputs));
  const name = String(properties.name);
  const reserved = properties.reservedConcurrentExecutions;
  const logging = map(properties.loggingConfig);
  const deadLetterArn = map(properties.deadLetterConfig).targetArn;
  return {
    name,
    arn: String(properties.arn),
    // Published or not, one version runs here; an alias is the name of the published one.
    version: String(properties.version ?? "$LATEST"),
    handler: String(properties.handler),
    zipPath: join(place.directory, zipPath(node)),
    environment: place.localise(
      localVariables(map(map(properties.environment).variables), place.endpointUrl),
    ),
    memorySize: Number(properties.memorySize ?? 128),
    timeoutMs: Number(properties.timeout ?? 3) * 1_000,
    reservedConcurrency: typeof reserved === "number" && reserved >= 0 ? reserved : undefined,
    provisionedConcurrency: provisionedConcurrency(name, graph),
    deadLetterArn: typeof deadLetterArn === "string" ? deadLetterArn : undefined,
    logGroup: String(logging.logGroup ?? `/aws/lambda/${name}`),
    logFormat: logging.logFormat === "JSON" ? "JSON" : "Text",
    region: place.region,
    endpointUrl: place.endpointUrl,
    accessKeyId: accessKeyId(name),
    secretAccessKey: place.secretAccessKey(name),
  };
}

const PROVISIONED = "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig";

/** Environments that the function's versions and aliases have provisioned, together. */
export const provisionedConcurrency = (functionName: string, graph: Graph): number =>
  graph.resources
    .filter(({ type }) => type === PROVISIONED)
    .map(({ outputs }) => map(plain(outputs)))
    .filter((config) => functionNameOf(String(config.functionName)) === functionName)
    .reduce((sum, config) => sum + Number(config.provisionedConcurrentExecutions), 0);

const localVariables = (variables: PropertyMap, endpointUrl: string): Record<string, string> =>
  Object.fromEntries(
    Object.entries(variables).map(([name, value]) => [name, withLocalQueues(String(value), endpointUrl)]),
  );

/** An access key per function, in AWS's form, so that each call is attributed to its role. */
const accessKeyId = (functionName: string): string =>
  `ASIA${createHash("sha256").update(functionName).digest("hex").slice(0, 16).toUpperCase()}`;

function zipPath(node: ResourceNode): string {
  const code = map(node.inputs.code);
  if (code[SIGNATURE] === ARCHIVE && typeof code.path === "string") return code.path;
  throw new Error(
    `Function "${node.name}" has no zip file as its code. Use the Function component, or pass a FileArchive of a zip.`,
  );
}
