/**
 * Takes one batch of a shard to its end: every record is delivered or given up, in order, before the next batch.
 */
import { backoffMs, type NextStep, nextStep } from "../../kit/retry.ts";
import { invokedAs } from "../../lambda/permission.ts";
import type { SourceContext } from "../source.ts";
import { Destination, uuidFrom } from "./destination.ts";
import { type Attempt, attempt } from "./invoker.ts";
import { type RecordForm, type ShardPlace, type ShardRecord, toEvent } from "./record.ts";
import type { MappingSettings } from "./settings.ts";
import { toWindowEvent, type WindowFrame } from "./window.ts";

/** A batch, or what is left of one, on its way. */
interface Batch<R extends ShardRecord> {
  records: readonly R[];
  /** Spent. */
  retries: number;
  /** Invocations that its first record has seen. */
  invokeCount: number;
  /** Throttled invocations in a row. */
  throttles: number;
  last?: { requestId: string; functionError: string | null };
  /** Age of its last record when it was handed to the function, in milliseconds. */
  iteratorAge?: number;
}

type Done = Extract<Attempt, { kind: "done" }>;

const NOT_FINAL = { final: false, early: false };

export class BatchProcessor<R extends ShardRecord> {
  readonly #form: RecordForm<R>;
  readonly #mapping: MappingSettings;
  readonly #place: ShardPlace;
  readonly #context: SourceContext;
  readonly #functionArn: string;
  readonly #destination: Destination<R>;
  readonly #signal: AbortSignal;

  constructor(options: {
    form: RecordForm<R>;
    mapping: MappingSettings;
    place: ShardPlace;
    context: SourceContext;
    functionArn: string;
    signal: AbortSignal;
  }) {
    this.#form = options.form;
    this.#mapping = options.mapping;
    this.#place = options.place;
    this.#context = options.context;
    this.#functionArn = options.functionArn;
    this.#signal = options.signal;
    this.#destination = new Destination(options.form, options.mapping, options.context);
  }

  /**
   * Resolves when every record has been delivered or given up.
   *
   * @param frame the tumbling window that the records belong to
   * @returns the window's new state; the old one when nothing was delivered
   * @throws the signal's reason when it is aborted
   */
  async process(records: readonly R[], frame?: WindowFrame): Promise<WindowFrame["state"] | undefined> {
    let state = frame?.state;
    const work: Batch<R>[] = [{ records, retries: 0, invokeCount: 0, throttles: 0 }];
    for (let next = work.shift(); next !== undefined; next = work.shift()) {
      this.#signal.throwIfAborted();
      const batch = await this.#dropExpired(next);
      if (batch.records.length === 0) continue;
      const payload = this.#payload(batch.records, frame && { ...frame, state: state ?? {} });
      const now = this.#context.clock.now();
      batch.iteratorAge = now - (batch.records.at(-1)?.arrival ?? now);
      const result = await attempt(this.#invoke, this.#mapping, batch.records, payload);
      if (result.kind === "unavailable") {
        work.unshift(await this.#waitOutThrottle(batch));
        continue;
      }
      state = result.verdict.state ?? state;
      work.unshift(...(await this.#settle(batch, result)));
    }
    return state;
  }

  /**
   * The last invocation of a tumbling window. It is repeated until it succeeds or the records' age limit is over,
   * and holds the shard as long.
   */
  async close(frame: WindowFrame, early: boolean): Promise<void> {
    const payload = JSON.stringify(
      toWindowEvent({ Records: [] }, this.#place, frame, { final: true, early }),
    );
    const { maximumRecordAgeMs } = this.#mapping;
    const final: MappingSettings = { ...this.#mapping, tumblingWindowSeconds: 0, partialResponses: false };
    for (let retry = 1; ; retry += 1) {
      this.#signal.throwIfAborted();
      const result = await attempt(this.#invoke, final, [], payload);
      if (result.kind === "done" && result.functionError === null) return;
      const age = this.#context.clock.now() - frame.end;
      if (maximumRecordAgeMs !== undefined && age > maximumRecordAgeMs) return;
      await this.#context.clock.sleep(backoffMs(retry), this.#signal);
    }
  }

  readonly #invoke = (functionName: string, payload: string) =>
    this.#context.pool.invoke(functionName, payload, invokedAs(this.#mapping.functionReference));

  #payload(records: readonly R[], frame: WindowFrame | undefined): string {
    const event = toEvent(records, this.#place, this.#form);
    return JSON.stringify(frame ? toWindowEvent(event, this.#place, frame, NOT_FINAL) : event);
  }

  /** Gives up the records that are too old, and them alone. */
  async #dropExpired(batch: Batch<R>): Promise<Batch<R>> {
    const { maximumRecordAgeMs } = this.#mapping;
    if (maximumRecordAgeMs === undefined) return batch;
    const oldest = this.#context.clock.now() - maximumRecordAgeMs;
    if ((batch.records[0]?.arrival ?? oldest) >= oldest) return batch;
    const expired = batch.records.filter((record) => record.arrival < oldest);
    await this.#discard({ ...batch, records: expired }, "RecordAgeExceeded");
    return { ...batch, records: batch.records.slice(expired.length) };
  }

  async #waitOutThrottle(batch: Batch<R>): Promise<Batch<R>> {
    const throttles = batch.throttles + 1;
    await this.#context.clock.sleep(backoffMs(throttles), this.#signal);
    return { ...batch, throttles };
  }

  /** What is left to do after an invocation. */
  async #settle(batch: Batch<R>, result: Done): Promise<Batch<R>[]> {
    const { failedFrom } = result.verdict;
    const size = batch.records.length;
    const tried: Batch<R> = {
      ...batch,
      invokeCount: batch.invokeCount + 1,
      throttles: 0,
      last: { requestId: result.requestId, functionError: result.functionError },
    };
    this.#trace(tried, failedFrom >= size ? "ok" : failedFrom > 0 ? "partial" : "failed");
    if (failedFrom >= size) return [];
    return this.#apply(nextStep({ size, retries: batch.retries, failedFrom }, this.#mapping), tried);
  }

  async #apply(step: NextStep, batch: Batch<R>): Promise<Batch<R>[]> {
    if (step.kind === "split") {
      return [
        { ...batch, records: batch.records.slice(0, step.at) },
        { ...batch, records: batch.records.slice(step.at) },
      ];
    }
    const rest: Batch<R> = { ...batch, records: batch.records.slice(step.from) };
    if (step.kind === "discard") {
      await this.#discard(rest, "RetryAttemptsExhausted");
      return [];
    }
    await this.#context.clock.sleep(step.delayMs, this.#signal);
    return [{ ...rest, retries: step.retries }];
  }

  async #discard(batch: Batch<R>, condition: "RetryAttemptsExhausted" | "RecordAgeExceeded"): Promise<void> {
    const { records, invokeCount, last } = batch;
    this.#trace(batch, "discarded", condition);
    await this.#destination.send(
      {
        records,
        condition,
        invokeCount,
        functionArn: this.#functionArn,
        requestId: last?.requestId ?? uuidFrom(this.#context.random),
        response: last && { executedVersion: "$LATEST", functionError: last.functionError },
      },
      this.#place,
    );
  }

  #trace(batch: Batch<R>, outcome: "ok" | "partial" | "failed" | "discarded", condition?: string): void {
    const { records, invokeCount, last, iteratorAge } = batch;
    this.#context.trace.emit({
      kind: "batch",
      at: this.#context.clock.now(),
      mapping: this.#mapping.name,
      mappingId: this.#mapping.id,
      functionName: this.#mapping.functionName,
      source: this.#place.streamArn,
      shardId: this.#place.shardId,
      size: records.length,
      outcome,
      condition,
      attempt: invokeCount,
      requestId: last?.requestId,
      ...(outcome === "discarded" ? {} : { iteratorAge }),
      firstSequenceNumber: records[0]?.sequenceNumber,
      lastSequenceNumber: records.at(-1)?.sequenceNumber,
    });
  }
}
