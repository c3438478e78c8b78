/** CloudWatch and the program: what happens in the runtime becomes the figures that AWS would publish of it. */
import type { Clock } from "./kit/clock.ts";
import type { Trace, TraceEvent } from "./kit/trace.ts";
import { AwsFigures, type MessageAct, type QueueLevel } from "./services/aws-figures.ts";
import { CloudWatch } from "./services/cloudwatch.ts";
import { CloudWatchLogs, type CloudWatchLogsOptions } from "./services/logs.ts";
import type { Place } from "./services/service.ts";

const text = (value: unknown): string => String(value);
const texts = (value: unknown): readonly string[] => (Array.isArray(value) ? value.map(String) : []);

type Feed = (event: TraceEvent, figures: AwsFigures) => void;

/** Action types of topic rules, as far as their names are known. */
const ACTION_TYPES: Readonly<Record<string, string>> = { kinesis: "Kinesis", lambda: "Lambda" };

/** What each kind of event counts as. */
const FEEDS: Readonly<Record<string, Feed>> = {
  invocation: (event, figures) => {
    const functionName = text(event.functionName);
    if (event.status === "throttled") return figures.throttle(functionName);
    const { alias, version } = event;
    figures.invocation({
      functionName,
      alias: alias === undefined ? undefined : { name: text(alias), version: text(version) },
      failed: event.status !== "ok",
      duration: Number(event.durationMs),
      concurrency: Number(event.concurrency),
    });
  },
  batch: ({ iteratorAge, functionName, source }, figures) => {
    if (typeof iteratorAge === "number") figures.iteratorAge(text(functionName), text(source), iteratorAge);
  },
  async: ({ outcome, functionName }, figures) => {
    if (outcome === "given-up") figures.asyncFailure(text(functionName), "AsyncEventsDropped");
  },
  "async-lost": ({ target, functionName }, figures) => {
    const name = target === "dead-letter" ? "DeadLetterErrors" : "DestinationDeliveryFailures";
    figures.asyncFailure(text(functionName), name);
  },
  request: (event, figures) => {
    const { apiId, stage, status, latencyMs, integrationLatencyMs, detailed, routeKey } = event;
    figures.request({
      apiId: text(apiId),
      stage: text(stage),
      route: detailed === true && routeKey !== undefined ? text(routeKey) : undefined,
      status: Number(status),
      latency: Number(latencyMs),
      integrationLatency: integrationLatencyMs === undefined ? undefined : Number(integrationLatencyMs),
    });
  },
  "topic-rule": ({ ruleName, actions, failed }, figures) => {
    const broken = texts(failed);
    for (const action of texts(actions))
      figures.ruleAction(text(ruleName), ACTION_TYPES[action] ?? action, broken.includes(action));
  },
  event: ({ rule, bus, outcome }, figures) =>
    figures.ruleInvocation(text(rule), text(bus), outcome === "given-up"),
};

/** A queue nobody has used for so long stops publishing: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/monitoring-using-cloudwatch.html */
const ACTIVE_MS = 6 * 3_600_000;

/** Publishes the levels of queues that are in use, minute by minute. */
class QueueSampler {
  readonly #figures: AwsFigures;
  readonly #clock: Clock;
  /** When each queue was used last. */
  readonly #used = new Map<string, number>();

  constructor(figures: AwsFigures, clock: Clock) {
    this.#figures = figures;
    this.#clock = clock;
  }

  use(queue: string): void {
    this.#used.set(queue, this.#clock.now());
  }

  sample(levels: readonly QueueLevel[], at: number): void {
    for (const level of levels) {
      if (level.visible + level.notVisible + level.delayed > 0) this.use(level.queue);
      const used = this.#used.get(level.queue);
      if (used === undefined) continue;
      if (at - used <= ACTIVE_MS) this.#figures.queueLevel(level, at);
      else this.#used.delete(level.queue);
    }
  }
}

export interface Monitoring {
  readonly cloudWatch: CloudWatch;
  /** Its lines' figures are among the metrics. */
  readonly logs: CloudWatchLogs;
  readonly figures: AwsFigures;
  /** For the queues' service. */
  onMessages(queue: string, what: MessageAct, count: number): void;
  /** From now on figures are sampled and alarms judged, minute by minute. */
  start(queues: { levels(now: number): QueueLevel[] }): void;
  stop(): void;
}

/** Listens to what happens from now on. */
export function monitor({ trace, clock, ...place }: Place & { trace: Trace; clock: Clock }): Monitoring {
  const cloudWatch = new CloudWatch({ ...place, clock });
  const observe: CloudWatchLogsOptions["observe"] = (group, lines) => cloudWatch.readLines(group, lines);
  const logs = new CloudWatchLogs({ ...place, clock, observe });
  const figures = new AwsFigures(cloudWatch.metrics);
  const sampler = new QueueSampler(figures, clock);
  const end = trace.on((event) => {
    const feed = Object.hasOwn(FEEDS, event.kind) ? FEEDS[event.kind] : undefined;
    feed?.(event, figures);
  });
  return {
    cloudWatch,
    logs,
    figures,
    onMessages: (queue, what, count) => {
      sampler.use(queue);
      figures.messages(queue, what, count);
    },
    start: (queues) => {
      cloudWatch.onSample((at) => sampler.sample(queues.levels(clock.now()), at));
      cloudWatch.start();
    },
    stop: () => {
      end();
      cloudWatch.stop();
    },
  };
}
