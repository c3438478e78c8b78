/** What Lambda's own report lines say of a function's invocations. Pure. */
import { median, percentile } from "../shared/harness.ts";

/** One invocation's report, as Lambda's JSON log format has it. */
interface Report {
  type?: string;
  record?: {
    status?: string;
    metrics?: { durationMs?: number; initDurationMs?: number; maxMemoryUsedMB?: number };
  };
}

export interface Observed {
  warm: number;
  /** Milliseconds of warm invocations. */
  p50: number;
  p99: number;
  /** MB. */
  memoryMb: number;
}

/** Collects the reports of one function. */
export class Reports {
  readonly #warm: number[] = [];
  #memoryMb = 0;

  /** @param line any line of the function's log */
  add(line: string): void {
    // As Lambda writes it: a function's own line may hold anything.
    if (!(line.startsWith('{"time":') && line.includes('"type":"platform.report"'))) return;
    const { record } = JSON.parse(line) as Report;
    const { durationMs, initDurationMs, maxMemoryUsedMB = 0 } = record?.metrics ?? {};
    this.#memoryMb = Math.max(this.#memoryMb, maxMemoryUsedMB);
    if (record?.status !== "success" || durationMs === undefined || initDurationMs !== undefined) return;
    this.#warm.push(durationMs);
  }

  get warm(): number {
    return this.#warm.length;
  }

  observed(): Observed {
    const p50 = median(this.#warm);
    return { warm: this.warm, p50, p99: percentile(this.#warm, 99), memoryMb: this.#memoryMb };
  }
}
