/**
 * One sequence of batches: a shard's, or with a parallelization factor that of some of its partition keys.
 *
 * Records wait here until a batch is full or its window is over. While nothing waits, nothing runs.
 */
import { type Cut, cutBatch, windowLeft } from "../../kit/batcher.ts";
import type { Clock } from "../../kit/clock.ts";
import type { BatchProcessor } from "./processor.ts";
import type { RecordForm, ShardPlace, ShardRecord } from "./record.ts";
import type { MappingSettings } from "./settings.ts";
import { type WindowFrame, windowOf } from "./window.ts";

/** Largest invocation payload, less room for the frame around the records. */
const MAX_BATCH_BYTES = 6_291_456 - 2_048;
/** A window's state. Source: https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-windows.html */
const MAX_STATE_BYTES = 1_048_576;
/** Records are taken ahead of the batch in work up to this many batches. */
const BATCHES_AHEAD = 2;
const LEAST_AHEAD = 100;

export interface LaneOptions<R extends ShardRecord> {
  form: RecordForm<R>;
  mapping: MappingSettings;
  place: ShardPlace;
  processor: BatchProcessor<R>;
  clock: Clock;
  signal: AbortSignal;
  /** There is room for more records. */
  onRoom(): void;
}

export class Lane<R extends ShardRecord> {
  readonly #options: LaneOptions<R>;
  #waiting: R[] = [];
  /** The batch in work. */
  #batch: readonly R[] = [];
  /** What of the waiting records makes the next batch, as far as they have been looked at. */
  #cutSoFar: Cut | undefined;
  /** When the first waiting record came, in milliseconds since the epoch. */
  #since = 0;
  #notify: () => void = () => {};
  #frame: WindowFrame | undefined;

  constructor(options: LaneOptions<R>) {
    this.#options = options;
    options.signal.addEventListener("abort", () => this.#notify(), { once: true });
  }

  /** Whether it takes more records for now. */
  get hasRoom(): boolean {
    const ahead = Math.max(LEAST_AHEAD, this.#options.mapping.batchSize * BATCHES_AHEAD);
    return this.#waiting.length < ahead;
  }

  /** The first record that has neither been delivered nor given up. */
  get unfinished(): R | undefined {
    return this.#batch[0] ?? this.#waiting[0];
  }

  push(records: readonly R[]): void {
    if (records.length === 0) return;
    if (this.#waiting.length === 0) this.#since = this.#options.clock.now();
    for (const record of records) this.#waiting.push(record);
    this.#notify();
  }

  /** Works off what comes until the signal is aborted, and rejects with its reason. */
  async run(): Promise<never> {
    for (;;) {
      await this.#waitForWork();
      await this.#closeWindow();
      if (this.#waiting.length === 0) continue;
      await this.#waitForWindow();
      this.#batch = this.#take();
      this.#options.onRoom();
      await this.#process(this.#batch);
      this.#batch = [];
    }
  }

  /** Until a record waits, or the open tumbling window is over. */
  async #waitForWork(): Promise<void> {
    const { clock } = this.#options;
    while (this.#waiting.length === 0 && !(this.#frame && clock.now() >= this.#frame.end)) {
      await this.#waitForChange(this.#frame && this.#frame.end - clock.now());
    }
  }

  /** Until a batch is full or its batching window is over. */
  async #waitForWindow(): Promise<void> {
    if (this.#cut().full) return;
    const { mapping, clock } = this.#options;
    const left = windowLeft(this.#since, mapping.windowMs, clock.now());
    if (left > 0) await this.#waitForChange(left, () => this.#cut().full);
  }

  /** Until records come in and that is enough, the time is over, or the signal is aborted, which rejects. */
  async #waitForChange(ms: number | undefined, isEnough: () => boolean = () => true): Promise<void> {
    const { clock, signal } = this.#options;
    signal.throwIfAborted();
    const changed = new Promise<void>((resolve) => {
      this.#notify = () => {
        if (signal.aborted || isEnough()) resolve();
      };
    });
    if (ms === undefined) {
      await changed;
    } else {
      const done = new AbortController();
      const slept = clock.sleep(ms, done.signal).catch(() => {});
      await Promise.race([changed, slept]);
      done.abort();
      await slept;
    }
    this.#notify = () => {};
    signal.throwIfAborted();
  }

  #cut(): Cut {
    if (this.#cutSoFar?.full) return this.#cutSoFar;
    const { mapping, place, form } = this.#options;
    const { tumblingWindowSeconds: seconds } = mapping;
    const start = seconds > 0 ? windowOf(this.#waiting[0]?.arrival ?? 0, seconds).start : 0;
    this.#cutSoFar = cutBatch(
      this.#waiting,
      {
        records: mapping.batchSize,
        bytes: MAX_BATCH_BYTES - this.#stateBytes(),
        sizeOf: (record) => form.eventBytes(record, place),
        belongs: ({ arrival }) => seconds === 0 || windowOf(arrival, seconds).start === start,
      },
      this.#cutSoFar,
    );
    return this.#cutSoFar;
  }

  #take(): R[] {
    const batch = this.#waiting.splice(0, this.#cut().count);
    this.#cutSoFar = undefined;
    this.#since = this.#options.clock.now();
    return batch;
  }

  async #process(batch: readonly R[]): Promise<void> {
    const { mapping, processor } = this.#options;
    const seconds = mapping.tumblingWindowSeconds;
    if (seconds === 0) {
      await processor.process(batch);
      return;
    }
    this.#frame ??= { ...windowOf(batch[0]?.arrival ?? 0, seconds), state: {} };
    const state = await processor.process(batch, this.#frame);
    this.#frame = { ...this.#frame, state: state ?? {} };
    if (this.#stateBytes() <= MAX_STATE_BYTES) return;
    await processor.close(this.#frame, true);
    this.#frame = undefined;
  }

  /** Ends the open tumbling window when its time is over or the next record is beyond it. */
  async #closeWindow(): Promise<void> {
    const frame = this.#frame;
    if (frame === undefined) return;
    const next = this.#waiting[0];
    const over = next === undefined ? this.#options.clock.now() >= frame.end : next.arrival >= frame.end;
    if (!over) return;
    await this.#options.processor.close(frame, false);
    this.#frame = undefined;
  }

  #stateBytes(): number {
    return this.#frame === undefined ? 0 : Buffer.byteLength(JSON.stringify(this.#frame.state));
  }
}
