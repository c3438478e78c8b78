import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { Hosts } from "../../local/hosts.ts";
import { type LocalState, readState } from "../../local/state.ts";
import { pulumiProblem } from "./exported.ts";

/** The outputs of index.ts that the commands use. */
export interface StackOutputs {
  region: string;
  streamName: string;
  /** `mqtts://<endpoint>:8883`, for devices with a certificate. */
  mqttUrl: string;
  apiUrl: string;
  tokenEndpoint: string;
  clientId: string;
  clientSecret: string;
  /** Scope as the API names it -> as the issuer does. */
  scopes: Record<string, string>;
  tableName: string;
  lakeBucketName: string;
  logsBucketName: string;
  /** Takes `{ from, to }`: hours or days of the lake to compact. */
  compactionQueueUrl: string;
  orderBusName: string;
}

/** A deployed stack, on AWS or on this machine: everything a command needs to reach it. */
export interface Target {
  stack: string;
  outputs: StackOutputs;
  /** The local AWS endpoint; undefined on AWS itself. */
  endpoint: string | undefined;
  /** Where a system on this machine is asked for traces. */
  traces?: string | undefined;
  /** The address behind an AWS URL: itself on AWS, a loopback one locally. */
  resolve(url: string): string;
}

const OUTPUT_NAMES = [
  "region",
  "streamName",
  "mqttUrl",
  "apiUrl",
  "tokenEndpoint",
  "clientId",
  "clientSecret",
  "scopes",
  "tableName",
  "lakeBucketName",
  "logsBucketName",
  "compactionQueueUrl",
  "orderBusName",
] as const satisfies (keyof StackOutputs)[];

/**
 * The stack's outputs, checked.
 * @throws {Error} naming the outputs that are missing.
 */
function stackOutputs(outputs: object, stack: string): StackOutputs {
  const missing = OUTPUT_NAMES.filter((name) => !Object.hasOwn(outputs, name));
  if (missing.length === 0) return outputs as StackOutputs;
  throw new Error(
    `Stack "${stack}" has no output ${missing.join(", ")}. Deploy the program first: npm run up -- --stack ${stack}.`,
  );
}

/** A target from a running local system's state. */
export function localTarget(stack: string, state: LocalState): Target {
  const hosts = new Hosts();
  for (const [host, address] of state.hosts) hosts.add(host, address);
  return {
    stack,
    outputs: stackOutputs(state.outputs, stack),
    endpoint: state.endpoint,
    traces: state.traces,
    resolve: (url) => hosts.resolve(url),
  };
}

/**
 * The system that `npm start` runs on this machine, if it does.
 * @param elsewhere how the command reaches the deployed one
 * @throws {Error} when nothing runs, with the cure.
 */
export async function runningLocally(
  directory: string,
  stack: string,
  elsewhere = "add --aws",
): Promise<Target> {
  const state = await readState(directory, stack);
  if (state && isAlive(state.pid)) return localTarget(stack, state);
  throw new Error(
    `Stack "${stack}" does not run on this machine. Start it in another terminal (npm start -- --stack ${stack}), or ${elsewhere} for the deployed one.`,
  );
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/**
 * The stack that `pulumi up` deployed, from its outputs.
 * @throws {Error} when the Pulumi CLI is missing or does not know the stack.
 */
export async function deployed(directory: string, stack: string): Promise<Target> {
  const args = ["stack", "output", "--json", "--show-secrets", "--stack", stack];
  const { stdout } = await promisify(execFile)("pulumi", args, { cwd: directory }).catch((error: unknown) => {
    throw new Error(pulumiProblem(`The outputs of stack "${stack}"`, error));
  });
  return {
    stack,
    outputs: stackOutputs(JSON.parse(stdout), stack),
    endpoint: undefined,
    resolve: (url) => url,
  };
}
