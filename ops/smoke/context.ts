import type { Target } from "../shared/target.ts";
import type { ApiClient } from "./api.ts";

/** What one part of the smoke test works with; the same against this machine and against AWS. */
export interface SmokeContext {
  target: Target;
  api: ApiClient;
  /** Options of any AWS SDK client: region, and locally the endpoint. */
  clientOptions: ClientOptions;
  /** Name of this run: new to the stack, so that what it makes is told from everything before. */
  mark: string;
  /** Epoch milliseconds. */
  now(): number;
  /** Says what is being done. */
  step(text: string): void;
  /** Polls `attempt` until it gives `wanted` or patience ends; the last answer either way. */
  until<T>(attempt: () => Promise<T>, wanted: (value: T) => boolean): Promise<T>;
}

export interface ClientOptions {
  region: string;
  endpoint?: string;
  credentials?: { accessKeyId: string; secretAccessKey: string };
  /** For S3 clients. */
  forcePathStyle?: boolean;
}

/** Outside AWS's own credentials chain nothing is needed: locally any key is the account's owner. */
export function clientOptions({ endpoint, outputs }: Target): ClientOptions {
  if (endpoint === undefined) return { region: outputs.region };
  const credentials = { accessKeyId: "local", secretAccessKey: "local" };
  return { region: outputs.region, endpoint, credentials, forcePathStyle: true };
}

/** Milliseconds between two looks at what has arrived. */
const POLL = 250;

export interface Patience {
  now: () => number;
  sleep: (milliseconds: number) => Promise<void>;
  /** Milliseconds. */
  patience: number;
}

/** `SmokeContext.until` with the given clock. */
export function patiently({ now, sleep, patience }: Patience): SmokeContext["until"] {
  return async (attempt, wanted) => {
    const deadline = now() + patience;
    for (;;) {
      const value = await attempt();
      if (wanted(value) || now() >= deadline) return value;
      await sleep(POLL);
    }
  };
}
