/**
 * What happened in the local runtime, as data: the console prints it, the demo counts it, and tests wait on it
 * instead of sleeping.
 *
 * Kinds in use: `invocation` {functionName, alias?, version, requestId, status, coldStart, durationMs, initDurationMs?, errorType?,
 * traceId, concurrency}, `log` {functionName, requestId?, line}, `batch` {mappingId, source, requestId, size, outcome,
 * attempt, and of a shard shardId, iteratorAge, firstSequenceNumber, lastSequenceNumber, of a queue messageIds},
 * `request` {api, routeKey, method, path, status, latencyMs, traceId} (HTTP), `aws` {service, operation, resource?,
 * status, durationMs, traceId?}, `event` {bus, rule, targetArn, outcome, messageId? or requestId?}, `alarm` {alarm,
 * from, to, reason}.
 */

type TraceValue =
  | null
  | boolean
  | number
  | string
  | readonly TraceValue[]
  | { readonly [key: string]: TraceValue | undefined };

/** What a part of the runtime reports; `at` defaults to now. */
export interface TraceInput {
  readonly kind: string;
  readonly at?: number;
  readonly [key: string]: TraceValue | undefined;
}

export interface TraceEvent extends TraceInput {
  /** Milliseconds since the epoch. */
  readonly at: number;
}

export interface TraceOptions {
  /** How many events are kept for `events` and `waitFor`; the oldest go first. @default 10,000 */
  capacity?: number;
  /** @default Date.now */
  now?: () => number;
}

export interface WaitOptions {
  signal?: AbortSignal;
  /** Rejects after this many milliseconds. @default waits for ever */
  timeoutMs?: number;
  /** Ignores what was emitted before the call. @default false */
  onlyNew?: boolean;
}

const DEFAULT_CAPACITY = 10_000;

export class Trace {
  readonly #capacity: number;
  readonly #now: () => number;
  readonly #listeners = new Set<(event: TraceEvent) => void>();
  #ring: TraceEvent[] = [];
  /** Index in the ring of the oldest event, once the ring is full. */
  #oldest = 0;

  constructor(options: TraceOptions = {}) {
    this.#capacity = options.capacity ?? DEFAULT_CAPACITY;
    this.#now = options.now ?? Date.now;
  }

  /** Records the event and tells every listener. A listener that throws does not stop the others or the caller. */
  emit(input: TraceInput): void {
    const event: TraceEvent = { ...input, at: input.at ?? this.#now() };
    this.#keep(event);
    for (const listener of [...this.#listeners]) {
      try {
        listener(event);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  /** Calls `listener` on every event from now on. @returns a function that ends it. */
  on(listener: (event: TraceEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The kept events, oldest first. */
  get events(): TraceEvent[] {
    return [...this.#ring.slice(this.#oldest), ...this.#ring.slice(0, this.#oldest)];
  }

  /** Resolves with the first event that satisfies the predicate: one already kept, or the next to come. */
  waitFor(predicate: (event: TraceEvent) => boolean, options: WaitOptions = {}): Promise<TraceEvent> {
    const seen = options.onlyNew ? undefined : this.events.find(predicate);
    if (seen) return Promise.resolve(seen);
    if (options.signal?.aborted) return Promise.reject(options.signal.reason);
    return new Promise((resolve, reject) => {
      const finish = (settle: () => void) => {
        off();
        clearTimeout(timer);
        options.signal?.removeEventListener("abort", abort);
        settle();
      };
      const abort = () => finish(() => reject(options.signal?.reason));
      const off = this.on((event) => {
        if (predicate(event)) finish(() => resolve(event));
      });
      const timer =
        options.timeoutMs === undefined
          ? undefined
          : setTimeout(
              () => finish(() => reject(new Error(`No such trace event within ${options.timeoutMs} ms.`))),
              options.timeoutMs,
            );
      options.signal?.addEventListener("abort", abort, { once: true });
    });
  }

  #keep(event: TraceEvent): void {
    if (this.#ring.length < this.#capacity) {
      this.#ring.push(event);
      return;
    }
    this.#ring[this.#oldest] = event;
    this.#oldest = (this.#oldest + 1) % this.#capacity;
  }
}
