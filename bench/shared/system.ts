/** The whole program on this machine, for benchmarks that measure it from outside. */
import { fileURLToPath } from "node:url";
import { Runtime } from "../../local/runtime.ts";
import { localTarget, type StackOutputs, type Target } from "../../ops/shared/target.ts";

/** The project's folder. */
export const PROJECT = fileURLToPath(new URL("../../", import.meta.url));
/** Production: its limits on requests and shards leave room for a measurement. */
const STACK = "prod";

export interface System {
  runtime: Runtime;
  target: Target;
}

/** Runs `use` with the program on free ports, then stops it, also when `use` fails. */
export async function withSystem<Result>(use: (system: System) => Promise<Result>): Promise<Result> {
  const runtime = await Runtime.start({ directory: PROJECT, stack: STACK, port: 0 });
  try {
    const target = localTarget(STACK, {
      pid: process.pid,
      endpoint: runtime.aws.endpoint.url,
      hosts: runtime.hosts.entries(),
      outputs: runtime.outputs as unknown as StackOutputs,
    });
    return await use({ runtime, target });
  } finally {
    await runtime.stop();
  }
}
