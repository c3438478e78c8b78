/**
 * Asynchronous invocations, as AWS makes them for S3, EventBridge, SNS, Scheduler, CloudWatch Logs and IoT: the caller
 * is answered as soon as the event is accepted; a failing function is run again after one and after two minutes, a
 * throttled one with growing waits, until the event is too old; then the event goes to the function's destination or
 * dead-letter queue, sent with the rights of the function's role.
 * Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async.html
 *
 * Differs from AWS: an accepted event is in memory only and is gone when the runtime stops; no event comes twice
 * by itself.
 */
import { randomUUID } from "node:crypto";
import {
  type AsyncCondition,
  type AsyncPolicy,
  DEFAULT_ASYNC_POLICY,
  nextAsyncStep,
} from "../kit/async-retry.ts";
import type { Clock } from "../kit/clock.ts";
import type { Trace } from "../kit/trace.ts";
import type { AsyncDestinations } from "./async-destinations.ts";
import type { AsyncResult } from "./async-record.ts";
import type { LambdaPool } from "./pool.ts";
import {
  type InvokeResult,
  PoolStoppedError,
  RequestTooLargeException,
  ResourceNotFoundException,
  TooManyRequestsException,
} from "./results.ts";
import type { FunctionSpec } from "./spec.ts";

/** What `aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig` sets. */
export interface AsyncSettings extends AsyncPolicy {
  /** ARN of a queue, topic, bus, function or bucket. */
  onFailure?: string;
  onSuccess?: string;
}

export interface AsyncInvokerOptions {
  pool: Pick<LambdaPool, "invoke" | "spec">;
  destinations: Pick<AsyncDestinations, "send" | "sendDeadLetter">;
  clock: Clock;
  trace: Trace;
  /** What a wait takes of its time on AWS, above 0. @default 1 */
  waitFactor?: number;
  /** A line for the console. */
  log(line: string): void;
}

/** In bytes. Source: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
const MAX_ASYNC_BYTES = 1_048_576;

/** One accepted event, on its way. */
interface Event {
  requestId: string;
  functionName: string;
  payload: string;
  acceptedAt: number;
  /** Runs of the function, all of which failed. */
  errors: number;
  throttles: number;
  last?: InvokeResult;
}

export class AsyncInvoker {
  readonly #options: AsyncInvokerOptions;
  readonly #settings = new Map<string, AsyncSettings>();
  readonly #stopping = new AbortController();
  #pending = 0;

  constructor(options: AsyncInvokerOptions) {
    this.#options = options;
  }

  /** Events that are accepted and neither done nor given up. */
  get pending(): number {
    return this.#pending;
  }

  /** Sets what happens to a function's events; undefined takes the settings away. In force from the next decision on. */
  configure(functionName: string, settings: Partial<AsyncSettings> | undefined): void {
    if (settings === undefined) this.#settings.delete(functionName);
    else this.#settings.set(functionName, { ...DEFAULT_ASYNC_POLICY, ...settings });
  }

  /**
   * Accepts an event; resolves at once, before the function runs.
   *
   * @param payload JSON text, or what becomes it; at most 1,048,576 bytes
   * @throws ResourceNotFoundException, RequestTooLargeException, PoolStoppedError
   */
  async invoke(functionName: string, payload: object | string): Promise<{ requestId: string }> {
    if (this.#stopping.signal.aborted) throw new PoolStoppedError();
    if (this.#options.pool.spec(functionName) === undefined)
      throw new ResourceNotFoundException(functionName);
    const text = typeof payload === "string" ? payload : JSON.stringify(payload);
    const bytes = Buffer.byteLength(text);
    if (bytes > MAX_ASYNC_BYTES) throw new RequestTooLargeException(bytes, MAX_ASYNC_BYTES, "Event");
    const requestId = randomUUID();
    void this.#deliver({
      requestId,
      functionName,
      payload: text,
      acceptedAt: this.#options.clock.now(),
      errors: 0,
      throttles: 0,
    });
    return { requestId };
  }

  /** Gives up every wait; events that are not done are gone. */
  stop(): void {
    this.#stopping.abort(new PoolStoppedError());
  }

  /** Never rejects. */
  async #deliver(event: Event): Promise<void> {
    this.#pending += 1;
    try {
      while (!(await this.#attempt(event)));
    } catch (error) {
      if (this.#stopping.signal.aborted || error instanceof PoolStoppedError) return;
      this.#options.log(
        `Asynchronous invocation ${event.requestId} of "${event.functionName}" is lost: ${(error as Error).message}`,
      );
    } finally {
      this.#pending -= 1;
    }
  }

  /** One attempt, and the wait that follows it. True when the event is done or given up. */
  async #attempt(event: Event): Promise<boolean> {
    const outcome = await this.#run(event);
    if (outcome === "ok") {
      await this.#finish(event, "Success");
      return true;
    }
    const { clock } = this.#options;
    const step = nextAsyncStep(
      {
        outcome,
        errors: event.errors,
        throttles: event.throttles,
        ageMs: clock.now() - event.acceptedAt,
      },
      this.#settingsOf(event.functionName),
    );
    this.#emit(event, step.kind === "retry" ? "retry" : "discard", {
      delayMs: step.delayMs,
      ...(step.kind === "discard" ? { condition: step.condition } : {}),
    });
    await clock.sleep(step.delayMs * (this.#options.waitFactor ?? 1), this.#stopping.signal);
    if (step.kind === "retry") return false;
    await this.#finish(event, step.condition);
    return true;
  }

  async #run(event: Event): Promise<"ok" | "error" | "throttled" | "closed"> {
    const { pool } = this.#options;
    if (pool.spec(event.functionName)?.reservedConcurrency === 0) return "closed";
    try {
      event.last = await pool.invoke(event.functionName, event.payload, { requestId: event.requestId });
    } catch (error) {
      if (!(error instanceof TooManyRequestsException)) throw error;
      event.throttles += 1;
      return "throttled";
    }
    event.throttles = 0;
    if (event.last.status === "ok") return "ok";
    event.errors += 1;
    return "error";
  }

  /** Tells the destination; a dead-letter queue gets failures beside it. */
  async #finish(event: Event, condition: AsyncCondition | "Success"): Promise<void> {
    const spec = this.#options.pool.spec(event.functionName);
    const { onSuccess, onFailure } = this.#settingsOf(event.functionName);
    const result = toResult(event, condition, spec);
    const destination = condition === "Success" ? onSuccess : onFailure;
    if (destination) await this.#send(event, destination, result);
    if (condition !== "Success" && spec?.deadLetterArn) {
      await this.#sendDeadLetter(event, spec.deadLetterArn, result);
    }
    this.#emit(event, condition === "Success" ? "ok" : "given-up", { condition, destination });
  }

  async #send(event: Event, destination: string, result: AsyncResult): Promise<void> {
    try {
      await this.#options.destinations.send(event.functionName, destination, result);
    } catch (error) {
      this.#lost(event, "destination", destination, error as Error);
    }
  }

  async #sendDeadLetter(event: Event, target: string, result: AsyncResult): Promise<void> {
    try {
      await this.#options.destinations.sendDeadLetter(event.functionName, target, result);
    } catch (error) {
      this.#lost(event, "dead-letter", target, error as Error);
    }
  }

  /** As on AWS, an event whose destination refuses it is gone; here a line says so. */
  #lost(event: Event, target: "destination" | "dead-letter", arn: string, { message }: Error): void {
    const { functionName, requestId } = event;
    this.#options.trace.emit({ kind: "async-lost", functionName, requestId, target });
    this.#options.log(
      `Asynchronous invocation ${requestId} of "${functionName}": its record is lost, because ${arn} refused it: ${message}`,
    );
  }

  #settingsOf(functionName: string): AsyncSettings {
    return this.#settings.get(functionName) ?? DEFAULT_ASYNC_POLICY;
  }

  #emit(
    { functionName, requestId, errors, throttles }: Event,
    outcome: "ok" | "retry" | "discard" | "given-up",
    details: { delayMs?: number; condition?: string; destination?: string | undefined },
  ): void {
    const { trace, clock } = this.#options;
    trace.emit({
      kind: "async",
      at: clock.now(),
      functionName,
      requestId,
      outcome,
      errors,
      throttles,
      ...details,
    });
  }
}

const toResult = (
  { requestId, functionName, payload, errors, last }: Event,
  condition: AsyncResult["condition"],
  spec: FunctionSpec | undefined,
): AsyncResult => ({
  requestId,
  functionArn: `${spec?.arn ?? functionName}:${spec?.version ?? "$LATEST"}`,
  condition,
  invokeCount: condition === "Success" ? errors + 1 : errors,
  payload,
  response: last,
});
