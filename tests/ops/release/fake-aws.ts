/** CodeDeploy and Lambda as a release sees them, on loopback: deployments move an alias one step at each look. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

interface Deployment {
  id: string;
  group: string;
  functionName: string;
  from: string;
  to: string;
  status: "InProgress" | "Succeeded" | "Failed" | "Stopped";
  looks: number;
  error?: { code: string; message: string };
}

interface Alias {
  version: string;
  weights: Record<string, number>;
}

const readBody = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
};

class Refusal extends Error {}

export class FakeAws {
  /** By function name. */
  readonly aliases = new Map<string, Alias>();
  readonly deployments: Deployment[] = [];
  /** Groups whose alarm goes off at the second look. */
  readonly alarming = new Set<string>();
  /** Groups whose canary is watched for longer than any other's. */
  readonly slow = new Set<string>();
  /** Groups that CodeDeploy starts nothing for. */
  readonly refusing = new Set<string>();
  /** How many of the next calls of these names get no answer but a 400. */
  readonly silent = new Map<string, number>();
  /** Names of the calls that changed something. */
  readonly changes: string[] = [];
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  async start(): Promise<string> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(request);
    const [status, answer] = this.#respond(request, body);
    response.writeHead(status, { "content-type": "application/x-amz-json-1.1" });
    response.end(JSON.stringify(answer));
  }

  #respond(request: IncomingMessage, body: string): [number, object] {
    const [, functionName] = /functions\/([^/]+)\/aliases\/live$/.exec(request.url ?? "") ?? [];
    if (functionName !== undefined) return this.#alias(functionName);
    const operation = String(request.headers["x-amz-target"]).split(".")[1] ?? "";
    try {
      if (this.#isSilent(operation)) throw new Refusal("ThrottlingException");
      return [200, this.#codeDeploy(operation, JSON.parse(body))];
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return [400, { __type: error.message, message: `refused: ${error.message}` }];
    }
  }

  #isSilent(operation: string): boolean {
    const left = this.silent.get(operation) ?? 0;
    this.silent.set(operation, left - 1);
    return left > 0;
  }

  #alias(functionName: string): [number, object] {
    if (this.#isSilent("GetAlias"))
      return [429, { __type: "TooManyRequestsException", message: "Rate exceeded" }];
    const { version, weights } = this.aliases.get(functionName) ?? { version: "1", weights: {} };
    return [200, { FunctionVersion: version, RoutingConfig: { AdditionalVersionWeights: weights } }];
  }

  #codeDeploy(operation: string, input: Record<string, string>): object {
    switch (operation) {
      case "ListDeployments":
        return {
          deployments: this.deployments
            .filter(({ group, status }) => group === input.deploymentGroupName && status === "InProgress")
            .map(({ id }) => id),
        };
      case "CreateDeployment":
        return this.#create(input);
      case "GetDeployment":
        return this.#look(this.#deployment(input.deploymentId));
      case "StopDeployment":
        return this.#stop(this.#deployment(input.deploymentId));
      default:
        throw new Error(`${operation} is none of a release's calls.`);
    }
  }

  #deployment(id: string | undefined): Deployment {
    const found = this.deployments.find((deployment) => deployment.id === id);
    if (!found) throw new Refusal("DeploymentDoesNotExistException");
    return found;
  }

  #create({ deploymentGroupName: group, revision }: Record<string, string>): object {
    this.changes.push(`CreateDeployment ${group}`);
    if (this.refusing.has(group ?? "")) throw new Refusal("DeploymentGroupDoesNotExistException");
    const { content } = (revision as unknown as { appSpecContent: { content: string } }).appSpecContent;
    const [resource] = Object.values(JSON.parse(content).Resources[0]) as {
      Properties: Record<string, string>;
    }[];
    const { Name = "", CurrentVersion = "", TargetVersion = "" } = resource?.Properties ?? {};
    const id = `d-${this.deployments.length + 1}`;
    this.deployments.push({
      id,
      group: group ?? "",
      functionName: Name,
      from: CurrentVersion,
      to: TargetVersion,
      status: "InProgress",
      looks: 0,
    });
    this.aliases.set(Name, { version: CurrentVersion, weights: { [TargetVersion]: 0.1 } });
    return { deploymentId: id };
  }

  /** The first look finds the canary, the second its end. */
  #look(deployment: Deployment): object {
    const { group, functionName, from, to } = deployment;
    deployment.looks += 1;
    if (deployment.status === "InProgress" && deployment.looks === (this.slow.has(group) ? 9 : 2)) {
      const failed = this.alarming.has(group);
      deployment.status = failed ? "Stopped" : "Succeeded";
      if (failed)
        deployment.error = { code: "ALARM_ACTIVE", message: "One or more alarms have been activated" };
      this.aliases.set(functionName, { version: failed ? from : to, weights: {} });
    }
    return { deploymentInfo: { status: deployment.status, errorInformation: deployment.error } };
  }

  #stop(deployment: Deployment): object {
    this.changes.push(`StopDeployment ${deployment.group}`);
    if (deployment.status !== "InProgress") throw new Refusal("DeploymentAlreadyCompletedException");
    deployment.status = "Stopped";
    deployment.error = { code: "MANUAL_STOP", message: "The deployment was stopped" };
    this.aliases.set(deployment.functionName, { version: deployment.from, weights: {} });
    return { status: "Succeeded" };
  }
}
