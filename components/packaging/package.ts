/**
 * Inline callback -> Lambda package: locate and slice at once, bundle and archive with all the others.
 */
import type * as pulumi from "@pulumi/pulumi";

/** Any value that JSON can carry. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** A JSON Schema (draft-07 vocabulary; TypeBox schemas are that), as plain data. */
export type JsonSchema = Record<string, unknown>;

/** Code that runs around the callback in Lambda: `handler = <export>(callback, options, validators)`. */
export interface Wrap {
  /** Absolute path of a module without Pulumi imports, e.g. components/runtime/route.ts. */
  module: string;
  /** The export to call. */
  export: string;
  /** Passed as the second argument; becomes part of the code. */
  options: Json;
  /** Passed as the third argument, each schema compiled to a function (no `eval` in Lambda). */
  validators?: Record<string, JsonSchema>;
}

export interface PackageOptions {
  /** The function's name, for errors. */
  name: string;
  wrap?: Wrap;
  /** Largest zip, in bytes. @default 1_000_000 */
  maxSize?: number;
  /** Packages with prebuilt binaries, e.g. `sharp`. */
  natives?: string[];
}

/** One AWS SDK command that the function can send. */
export interface UsedCommand {
  /** The service's own command, e.g. `PutItemCommand` for lib-dynamodb's `PutCommand` too. */
  command: string;
  /** The package it comes from, e.g. `@aws-sdk/client-dynamodb`. */
  client: string;
  /** The function's own module whose import keeps it, relative to the project. */
  importer: string;
}

export interface FunctionBundle {
  /** Relative to the working directory, e.g. `.cache/functions/<hash>.zip`. */
  zipPath: string;
  /** SHA-256 of the zip's bytes, hexadecimal. */
  hash: string;
  /** Bytes of the zip. */
  size: number;
  commands: UsedCommand[];
  /** What is inside, biggest first, in bytes of minified code. */
  modules: { path: string; bytes: number }[];
}

export interface PreparedCallback {
  /** Environment variables to set on the function: name -> JSON text of the captured value. */
  captures: Record<string, pulumi.Input<string>>;
  /** The captured Outputs, for the resources they come from. */
  captured: pulumi.Output<unknown>[];
  /** As written in the program, e.g. `readings.name`, in the order of `captured`. */
  capturedNames: string[];
  /** Settles once the program has registered its functions; rejects for this function's errors only. */
  bundle: Promise<FunctionBundle>;
}

/**
 * Locates and slices a callback; its zip follows as a promise.
 * @throws {CaptureError} `file:line:col`, the source line, what is wrong and what to do instead.
 */
export function prepareCallback(_callback: unknown, options: PackageOptions): PreparedCallback {
  throw new Error(`Function "${options.name}": the packager is being built.`);
}
