/** How long a fresh environment takes to initialise: the functions in turns, one process at a time. */
import { join } from "node:path";
import { Trace } from "../../local/kit/trace.ts";
import { LambdaPool } from "../../local/lambda/pool.ts";
import type { Code } from "../../ops/budget/load-work.ts";
import { median } from "../shared/harness.ts";
import { PROJECT } from "../shared/system.ts";

const ROUNDS = 7;
const REGION = "us-east-1";

/** Milliseconds from the start of a new environment until it asks for its first event. */
async function initialise(pool: LambdaPool, { name, zipPath }: Code): Promise<number> {
  await pool.create({
    name,
    arn: `arn:aws:lambda:${REGION}:000000000000:function:${name}`,
    version: "$LATEST",
    handler: "index.handler",
    zipPath: join(PROJECT, zipPath),
    environment: {},
    memorySize: 1_769,
    timeoutMs: 30_000,
    provisionedConcurrency: 1,
    logGroup: `/aws/lambda/${name}`,
    region: REGION,
    endpointUrl: "http://127.0.0.1:4566",
    accessKeyId: "AKIABASELINE",
    secretAccessKey: "secret",
  });
  const init = pool.stats().find(({ functionName }) => functionName === name)?.init;
  pool.remove(name);
  if (!init?.count) throw new Error(`Function "${name}" does not initialise.`);
  return init.max;
}

/** The median of each function's initialisations, by name. */
export async function initTimes(functions: readonly Code[]): Promise<Map<string, number>> {
  const pool = await LambdaPool.start({ trace: new Trace() });
  const times = new Map<string, number[]>(functions.map(({ name }) => [name, []]));
  try {
    for (let round = 0; round < ROUNDS; round++) {
      for (const code of functions) times.get(code.name)?.push(await initialise(pool, code));
    }
    return new Map([...times].map(([name, measured]) => [name, median(measured)]));
  } finally {
    await pool.stop();
  }
}
