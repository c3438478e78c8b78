/**
 * CloudWatch in memory: metrics of what runs here, of function's logs and of clients, and the alarms over them, so that
 * `aws cloudwatch get-metric-data` and `describe-alarms` work.
 *
 * Differs from AWS: figures can be queried at once, and are kept by the minute and in memory only, the oldest go when
 * it is full; a metric's units are not told apart; dashboards, anomaly detectors, metric streams and insight rules are
 * not served; alarms come from the program's graph.
 * Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/Welcome.html
 */
import { Alarm } from "../kit/alarm.ts";
import type { Clock } from "../kit/clock.ts";
import { CLOUDWATCH_OPERATIONS } from "./cloudwatch-operations.ts";
import { embeddedMetrics } from "./embedded-metrics.ts";
import { notServed } from "./faults.ts";
import { MetricAlarms } from "./metric-alarms.ts";
import { MetricStore, MINUTE_MS } from "./metric-store.ts";
import type { Input, JsonService, Output, Permission, Place } from "./service.ts";

const MIB = 1024 * 1024;

/** @param at when the minute that the figures belong to began, in milliseconds since the epoch */
type Sampler = (at: number) => void;

export interface CloudWatchOptions extends Place {
  readonly clock: Clock;
}

export class CloudWatch implements JsonService {
  readonly name = "cloudwatch";
  readonly targets = ["GraniteServiceVersion20100801"];
  readonly contentType = "application/x-amz-json-1.0";
  /** 1 MiB of figures, which come packed. */
  readonly maxBodyBytes = 8 * MIB;
  readonly metrics: MetricStore;
  readonly alarms: MetricAlarms;
  readonly #options: CloudWatchOptions;
  readonly #samplers = new Set<Sampler>();
  readonly #minute: Alarm;

  constructor(options: CloudWatchOptions) {
    this.#options = options;
    this.metrics = new MetricStore(options);
    this.alarms = new MetricAlarms(this.metrics, options.clock);
    this.#minute = new Alarm(options.clock, () => this.#tick());
  }

  /** From now on, figures are sampled and alarms judged as each minute ends. */
  start(): void {
    this.#minute.at(nextMinute(this.#options.clock.now()));
  }

  stop(): void {
    this.#minute.stop();
  }

  /** Calls `sample` before alarms are judged, for figures that nothing happens to tell of; it must not throw. */
  onSample(sample: Sampler): void {
    this.#samplers.add(sample);
  }

  /** Samples and judges now, as if the minute in progress were over: for a run that ends before it is. */
  judgeNow(): void {
    this.#judge(nextMinute(this.#options.clock.now()));
  }

  /** Takes the figures out of lines of a log. */
  readLines(logGroup: string, lines: readonly { readonly message: string }[]): void {
    for (const { message } of lines) {
      const found = embeddedMetrics(message);
      if (found === undefined) continue;
      for (const { metric, values, unit, at } of found.figures)
        for (const value of values) this.metrics.add(metric, value, { at, unit });
      if (found.invalid > 0) this.#countInvalid(logGroup, found.invalid);
    }
  }

  serves(operation: string): boolean {
    return Object.hasOwn(CLOUDWATCH_OPERATIONS, operation);
  }

  /** Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatch.html */
  permissions(operation: string, input: Input): readonly Permission[] {
    const { region, account } = this.#options;
    const isNamed = operation === "SetAlarmState" && typeof input.AlarmName === "string";
    const resource = isNamed ? `arn:aws:cloudwatch:${region}:${account}:alarm:${input.AlarmName}` : "*";
    return [{ action: `cloudwatch:${operation}`, resources: [resource] }];
  }

  /** @throws ServiceError as AWS would. */
  handle(operation: string, input: Input): Output {
    const run = this.serves(operation) ? CLOUDWATCH_OPERATIONS[operation] : undefined;
    if (!run) throw notServed(this.name, operation);
    return run(input, { store: this.metrics, alarms: this.alarms, now: () => this.#options.clock.now() });
  }

  #tick(): void {
    const now = this.#options.clock.now();
    this.#judge(Math.floor(now / MINUTE_MS) * MINUTE_MS);
    this.#minute.at(nextMinute(now));
  }

  /** By the minutes that are over at `end`: what is sampled now belongs to the last of them. */
  #judge(end: number): void {
    for (const sample of this.#samplers) sample(end - MINUTE_MS);
    this.alarms.evaluate(end);
  }

  /** Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Troubleshooting.html */
  #countInvalid(LogGroupName: string, count: number): void {
    const metric = { namespace: "AWS/Logs", name: "EMFValidationErrors", dimensions: { LogGroupName } };
    this.metrics.add(metric, count, { unit: "Count" });
  }
}

const nextMinute = (now: number): number => (Math.floor(now / MINUTE_MS) + 1) * MINUTE_MS;
