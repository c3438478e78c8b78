import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { unzipSync } from "fflate";
import type { Callback } from "../../../components/packaging/locate.ts";
import {
  type PackageOptions,
  Packager,
  type PreparedCallback,
} from "../../../components/packaging/package.ts";

export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), "packaging-"));
}

/** A packager with a cache of its own, in `root`. */
export function newPackager(root = temporaryFolder()): { packager: Packager; root: string } {
  return { packager: new Packager(process.cwd(), root), root };
}

export function prepare(callback: Callback, options: Partial<PackageOptions> = {}): PreparedCallback {
  return newPackager().packager.prepare(callback, { name: "subject", ...options });
}

export async function valueOf<Value>(input: pulumi.Input<Value>): Promise<Value> {
  const { promise, resolve } = Promise.withResolvers<Value>();
  pulumi.output(input).apply((value) => resolve(value as Value));
  return promise;
}

// biome-ignore lint/suspicious/noExplicitAny: what a handler takes and gives is each test's business.
export type Handler = (...args: any[]) => any;

/** Unpacks a zip as Lambda does, and loads its handler with the captures in the environment. */
export async function load(root: string, prepared: PreparedCallback): Promise<Handler> {
  const { zipPath } = await prepared.bundle;
  const folder = mkdtempSync(join(root, "unpacked-"));
  for (const [name, content] of Object.entries(unzipSync(readFileSync(join(root, zipPath))))) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  for (const [name, value] of Object.entries(prepared.captures)) process.env[name] = await valueOf(value);
  return createRequire(join(folder, "index.js"))(join(folder, "index.js")).handler as Handler;
}

/** Packages a callback and loads it. */
export async function loaded(callback: Callback, options: Partial<PackageOptions> = {}): Promise<Handler> {
  const { packager, root } = newPackager();
  return load(root, packager.prepare(callback, { name: "subject", ...options }));
}

/** The error of an attempt that must fail. */
export function failure(attempt: () => unknown): Error {
  try {
    attempt();
  } catch (error) {
    return error as Error;
  }
  throw new Error("expected a failure");
}

export async function rejection(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => {
      throw new Error("expected a rejection");
    },
    (error: Error) => error,
  );
}
