/**
 * Lambda's own lines around an invocation, in the function's log format. Pure.
 * Sources: https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html (JSON),
 * https://docs.aws.amazon.com/lambda/latest/dg/nodejs-logging.html (text).
 */
import type { FunctionSpec } from "./spec.ts";

/** Where an invocation's lines go: the function's log group, under the environment's stream. */
export type WriteFunctionLog = (spec: FunctionSpec, stream: string, message: string) => void;

/** How an invocation went, as its report says it. */
export interface Report {
  requestId: string;
  status: "success" | "failure" | "error" | "timeout";
  durationMs: number;
  initDurationMs?: number;
  /** Highest seen; undefined where the platform does not tell. */
  maxMemoryUsedMB?: number;
}

const isJson = ({ logFormat }: FunctionSpec): boolean => logFormat !== "Text";

const round = (ms: number): number => Math.round(ms * 1_000) / 1_000;

const event = (type: string, at: number, record: object): string =>
  JSON.stringify({ time: new Date(at).toISOString(), type: `platform.${type}`, record });

export const initStartLine = (spec: FunctionSpec, provisioned: boolean, at: number): string =>
  isJson(spec)
    ? event("initStart", at, {
        initializationType: provisioned ? "provisioned-concurrency" : "on-demand",
        phase: "init",
        functionName: spec.name,
        functionVersion: spec.version,
      })
    : `INIT_START Runtime Version: nodejs:24`;

export const startLine = (spec: FunctionSpec, requestId: string, at: number): string =>
  isJson(spec)
    ? event("start", at, { requestId, version: spec.version })
    : `START RequestId: ${requestId} Version: ${spec.version}`;

/** The last line, or with text the last two. */
export const reportLines = (spec: FunctionSpec, report: Report, at: number): string[] => {
  const { requestId, status, durationMs, initDurationMs, maxMemoryUsedMB } = report;
  const billed = Math.ceil(durationMs + (initDurationMs ?? 0));
  if (!isJson(spec)) return textReport(spec, report, billed);
  const metrics = {
    durationMs: round(durationMs),
    billedDurationMs: billed,
    memorySizeMB: spec.memorySize,
    maxMemoryUsedMB,
    ...(initDurationMs === undefined ? {} : { initDurationMs: round(initDurationMs) }),
  };
  return [event("report", at, { requestId, metrics, status })];
};

const textReport = (spec: FunctionSpec, report: Report, billed: number): string[] => {
  const { requestId, status, durationMs, initDurationMs, maxMemoryUsedMB } = report;
  const fields = [
    `REPORT RequestId: ${requestId}`,
    `Duration: ${durationMs.toFixed(2)} ms`,
    `Billed Duration: ${billed} ms`,
    `Memory Size: ${spec.memorySize} MB`,
    ...(maxMemoryUsedMB === undefined ? [] : [`Max Memory Used: ${maxMemoryUsedMB} MB`]),
    ...(initDurationMs === undefined ? [] : [`Init Duration: ${initDurationMs.toFixed(2)} ms`]),
    ...(status === "success" ? [] : [`Status: ${status}`]),
  ];
  return [`END RequestId: ${requestId}`, `${fields.join("\t")}\t`];
};
