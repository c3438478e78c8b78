/**
 * Messages that Lambda's pollers fetch from a queue, or records from a stream's shards, in batches.
 *
 * A standard queue starts with 5 batches at once and gains 300 a minute while messages are left, up to 1,250 or the
 * mapping's maximum: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html. A stream has as many as its
 * shards times the mapping's parallelization factor, from the start.
 * A throttled batch is tried again until its messages' visibility is over, with fewer pollers:
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
 *
 * What nothing can run waits for ever: a stream holds its records, and a queue without dead letters gives its messages out
 * again and again. A run ends after a day of its own time, a stream's default retention, whatever is left:
 * https://docs.aws.amazon.com/streams/latest/dev/kinesis-extended-retention.html
 *
 * Unsettled: by how much a throttle shrinks the pollers (here by one each, to no less than 2), and in which steps they
 * grow (here one by one).
 */
import { Agenda } from "./agenda.ts";
import type { Outcome, RunContext } from "./direct.ts";
import { THROTTLED } from "./environments.ts";

export interface PolledSource {
  kind: "polled";
  /** Messages or records that one invocation gets at most. */
  batchSize: number;
  pollers: { initial: number; perMinute: number; maximum: number };
  /** How long a throttled batch is tried; infinite for a stream, which holds its records. */
  visibilityMs: number;
  /** Deliveries before a message becomes a dead letter; infinite for a stream. */
  maxReceives: number;
}

/** A standard queue's pollers without a maximum of its own. */
export const QUEUE_POLLERS = { initial: 5, perMinute: 300, maximum: 1_250 };

/** Virtual time after the last arrival that a run lasts at most. */
const HORIZON_MS = 24 * 3_600_000;

const LEAST_POLLERS = 2;
const FIRST_BACKOFF_MS = 1_000;
const LONGEST_BACKOFF_MS = 60_000;

interface Batch {
  messages: number[];
  /** When its messages are visible again. */
  visibleAt: number;
  attempts: number;
}

/** In place of a batch's number: one poller more is due. */
const GROW = -1;

/** Agenda values: twice the batch's number for its completion, one more for its next attempt. */
class PolledRun {
  readonly #source: PolledSource;
  readonly #context: RunContext;
  readonly #arrivals: Float64Array;
  readonly #agenda = new Agenda();
  readonly #receives: Uint16Array;
  readonly #latencies: Float64Array;
  /** Numbers of the messages that wait, from `#head` on. */
  readonly #queue: number[] = [];
  readonly #batches: Batch[] = [];
  #head = 0;
  #pollers: number;
  #busy = 0;
  #isGrowing = false;
  #completed = 0;
  #lost = 0;
  #endMs = 0;

  constructor(source: PolledSource, arrivals: Float64Array, context: RunContext) {
    this.#source = source;
    this.#context = context;
    this.#arrivals = arrivals;
    this.#receives = new Uint16Array(arrivals.length);
    this.#latencies = new Float64Array(arrivals.length);
    this.#pollers = Math.min(source.pollers.initial, source.pollers.maximum);
  }

  run(): Outcome {
    const horizon = (this.#arrivals.at(-1) ?? 0) + HORIZON_MS;
    let next = 0;
    while (next < this.#arrivals.length || this.#agenda.time < Number.POSITIVE_INFINITY) {
      const arrival = this.#arrivals[next] ?? Number.POSITIVE_INFINITY;
      const now = Math.min(arrival, this.#agenda.time);
      if (now > horizon) break;
      if (arrival < this.#agenda.time) next = this.#arrive(next, now);
      else this.#happen(this.#agenda.take(), now);
      this.#pump(now);
    }
    const left = this.#arrivals.length - this.#completed - this.#lost;
    return {
      latenciesMs: this.#latencies.subarray(0, this.#completed),
      refused: 0,
      lost: this.#lost,
      left,
      endMs: left > 0 ? horizon : this.#endMs,
    };
  }

  /** Everything that arrives this instant, so that a burst fills its batches. */
  #arrive(first: number, now: number): number {
    let next = first;
    while (next < this.#arrivals.length && this.#arrivals[next] === now) this.#queue.push(next++);
    return next;
  }

  #happen(value: number, now: number): void {
    if (value === GROW) this.#grow();
    else if ((value & 1) === 1) this.#invoke(value >> 1, now);
    else this.#complete(value >> 1, now);
  }

  #pump(now: number): void {
    while (this.#busy < this.#pollers && this.#head < this.#queue.length) this.#dispatch(now);
    this.#context.timeline.set("waiting", this.#queue.length - this.#head, now);
    const { perMinute, maximum } = this.#source.pollers;
    const hasWork = this.#head < this.#queue.length;
    if (!hasWork || this.#isGrowing || this.#pollers >= maximum || perMinute === 0) return;
    this.#isGrowing = true;
    this.#agenda.add(now + 60_000 / perMinute, GROW);
  }

  #grow(): void {
    this.#isGrowing = false;
    if (this.#head < this.#queue.length && this.#pollers < this.#source.pollers.maximum) this.#pollers += 1;
  }

  #dispatch(now: number): void {
    const messages = this.#queue.slice(this.#head, this.#head + this.#source.batchSize);
    this.#head += messages.length;
    for (const message of messages) this.#receives[message] = (this.#receives[message] as number) + 1;
    this.#busy += 1;
    const batch = { messages, visibleAt: now + this.#source.visibilityMs, attempts: 0 };
    this.#invoke(this.#batches.push(batch) - 1, now);
  }

  #invoke(number: number, now: number): void {
    const batch = this.#batches[number] as Batch;
    if (now >= batch.visibleAt) {
      this.#giveBack(batch, now);
      return;
    }
    const done = this.#context.environments.invoke(now);
    if (done === THROTTLED) this.#backOff(number, batch, now);
    else this.#agenda.add(done, number << 1);
  }

  #backOff(number: number, batch: Batch, now: number): void {
    if (this.#source.pollers.perMinute > 0) this.#pollers = Math.max(LEAST_POLLERS, this.#pollers - 1);
    const longest = Math.min(LONGEST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** batch.attempts);
    batch.attempts += 1;
    const wait = longest * (0.5 + this.#context.random() / 2);
    this.#agenda.add(Math.min(batch.visibleAt, now + wait), (number << 1) | 1);
  }

  /** Its messages come again, or have come often enough. */
  #giveBack(batch: Batch, now: number): void {
    this.#busy -= 1;
    this.#endMs = now;
    for (const message of batch.messages) {
      if ((this.#receives[message] as number) >= this.#source.maxReceives) this.#lost += 1;
      else this.#queue.push(message);
    }
    batch.messages = [];
  }

  #complete(number: number, now: number): void {
    const batch = this.#batches[number] as Batch;
    this.#busy -= 1;
    this.#endMs = now;
    this.#context.environments.release(now);
    this.#context.timeline.count("completed", now, batch.messages.length);
    for (const message of batch.messages) {
      this.#latencies[this.#completed++] = now - (this.#arrivals[message] as number);
    }
    batch.messages = [];
  }
}

/** @param arrivals in milliseconds, ascending */
export const runPolled = (source: PolledSource, arrivals: Float64Array, context: RunContext): Outcome =>
  new PolledRun(source, arrivals, context).run();
