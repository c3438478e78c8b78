import { Runtime } from "../../local/runtime.ts";
import { localTarget, type StackOutputs, type Target } from "../../ops/shared/target.ts";
import { ApiClient } from "../../ops/smoke/api.ts";
import { clientOptions, type SmokeContext } from "../../ops/smoke/context.ts";
import { ROOT } from "./source-files.ts";

/** The whole program on this machine, as the commands see it. */
export interface System {
  runtime: Runtime;
  target: Target;
  api: ApiClient;
  /** What a part of the smoke test works with. */
  smoke(mark: string): SmokeContext;
}

/** Starts the program of this project in `dev` before the tests of a suite, and stops it after them. */
export function systemForSuite(): () => System {
  let starting: Promise<Runtime> | undefined;
  let system: System | undefined;
  before(async () => {
    starting = Runtime.start({ directory: ROOT, stack: "dev", port: 0 });
    system = systemOf(await starting);
  });
  after(() =>
    starting?.then(
      (started) => started.stop(),
      () => {},
    ),
  );
  return () => {
    if (system === undefined) throw new Error("The system has not started.");
    return system;
  };
}

function systemOf(runtime: Runtime): System {
  const target = localTarget("dev", {
    pid: process.pid,
    endpoint: runtime.aws.endpoint.url,
    hosts: runtime.hosts.entries(),
    outputs: runtime.outputs as unknown as StackOutputs,
  });
  const api = new ApiClient(target);
  return {
    runtime,
    target,
    api,
    smoke: (mark) => ({
      target,
      api,
      clientOptions: clientOptions(target),
      mark,
      now: Date.now,
      step: () => {},
      until: untilIn(runtime),
    }),
  };
}

/** Longest wait for the next thing that happens, in milliseconds: a test that hangs is to say where. */
const PATIENCE_MS = 60_000;

/**
 * Looks again whenever a function that no request waits for has run, instead of after a while: only such a function
 * changes what is looked at.
 */
function untilIn({ trace }: Runtime): SmokeContext["until"] {
  return async (attempt, wanted) => {
    for (;;) {
      const waiting = new AbortController();
      const changed = trace.waitFor(
        ({ kind, functionName }) => kind === "invocation" && !String(functionName).startsWith("api-"),
        { onlyNew: true, timeoutMs: PATIENCE_MS, signal: waiting.signal },
      );
      changed.catch(() => {});
      const value = await attempt();
      if (wanted(value)) {
        waiting.abort();
        return value;
      }
      await changed;
    }
  };
}
