/** Functions made of a few lines of JavaScript, for tests of the pool. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { strToU8, zipSync } from "fflate";
import { Trace } from "../../../../local/kit/trace.ts";
import { LambdaPool, type PoolOptions } from "../../../../local/lambda/pool.ts";
import type { FunctionSpec } from "../../../../local/lambda/spec.ts";

export interface TestBed {
  directory: string;
  trace: Trace;
  pool: LambdaPool;
  /** Writes a zip of the files and adds a function of that name. */
  add(name: string, code: string, spec?: Partial<FunctionSpec>): Promise<void>;
  stop(): Promise<void>;
}

export const writeZip = async (
  directory: string,
  name: string,
  files: Record<string, string>,
): Promise<string> => {
  const path = join(directory, `${name}.zip`);
  const entries = Object.entries(files).map(([file, text]) => [file, strToU8(text)] as const);
  await writeFile(path, zipSync(Object.fromEntries(entries)));
  return path;
};

const specOf = (name: string, zipPath: string, spec: Partial<FunctionSpec> = {}): FunctionSpec => ({
  name,
  arn: `arn:aws:lambda:eu-west-1:000000000000:function:${name}`,
  version: "$LATEST",
  handler: "index.handler",
  zipPath,
  environment: {},
  memorySize: 256,
  timeoutMs: 5_000,
  logGroup: `/aws/lambda/${name}`,
  region: "eu-west-1",
  endpointUrl: "http://127.0.0.1:4566",
  accessKeyId: `AKIA${name.toUpperCase()}`,
  secretAccessKey: "secret",
  ...spec,
});

export const testBed = async (options: Partial<PoolOptions> = {}): Promise<TestBed> => {
  const directory = await mkdtemp(join(tmpdir(), "pool-test-"));
  const trace = new Trace();
  const pool = await LambdaPool.start({ trace, ...options });
  return {
    directory,
    trace,
    pool,
    async add(name, code, spec) {
      await pool.create(specOf(name, await writeZip(directory, name, { "index.js": code }), spec));
    },
    async stop() {
      await pool.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
};
