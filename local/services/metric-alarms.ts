/**
 * Metric alarms: what they watch, the state they are in, and how that came about.
 * Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
 *
 * Differs from AWS: alarms come from the program's graph, not over the wire; they are evaluated as each minute ends,
 * with all that was counted until then.
 */
import {
  type AlarmRule,
  type AlarmState,
  evaluateAlarm,
  isLowSample,
  pointsRetrieved,
} from "../kit/alarm-evaluation.ts";
import type { Points } from "../kit/metric-math.ts";
import { type DataQuery, isMetric, queryPoints, type Windows, windowsUntil } from "./metric-query.ts";
import type { MetricStore } from "./metric-store.ts";
import { percentileOf } from "./metric-summary.ts";

export interface AlarmSettings {
  readonly name: string;
  readonly arn: string;
  readonly description: string | undefined;
  readonly actionsEnabled: boolean;
  /** ARNs, by the state that they belong to. */
  readonly actions: Readonly<Record<AlarmState, readonly string[]>>;
  readonly rule: AlarmRule;
  readonly periodSeconds: number;
  /** One of them returns data. */
  readonly queries: readonly DataQuery[];
  /** Whether the alarm stays as it is while its percentile has too few samples. */
  readonly ignoresLowSamples: boolean;
}

/** A change of state. */
export interface Transition {
  readonly alarm: Alarm;
  readonly from: AlarmState;
  readonly to: AlarmState;
  readonly reason: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** An alarm and its state. */
export interface Alarm {
  readonly settings: AlarmSettings;
  readonly state: AlarmState;
  readonly reason: string;
  /** JSON text. */
  readonly reasonData: string | undefined;
  /** When the state changed last, in milliseconds since the epoch. */
  readonly since: number;
  /** When the alarm was made or changed, in milliseconds since the epoch. */
  readonly configuredAt: number;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };
type Listener = (transition: Transition) => void;

const UNCHECKED = "Unchecked: Initial alarm creation";

export class MetricAlarms {
  readonly #store: MetricStore;
  readonly #clock: { now(): number };
  readonly #alarms = new Map<string, Writable<Alarm>>();
  readonly #listeners = new Map<string, Listener>();

  constructor(store: MetricStore, clock: { now(): number }) {
    this.#store = store;
    this.#clock = clock;
  }

  /** By name. */
  get all(): readonly Alarm[] {
    return [...this.#alarms.values()].sort((a, b) => (a.settings.name < b.settings.name ? -1 : 1));
  }

  find(name: string): Alarm | undefined {
    return this.#alarms.get(name);
  }

  /**
   * Makes the alarm, without data, or changes one of that name, which keeps its state.
   * @param onTransition called with every change of state; must not throw. @returns how to take it away
   */
  define(settings: AlarmSettings, onTransition: Listener): () => void {
    const now = this.#clock.now();
    const known = this.#alarms.get(settings.name);
    const fresh = {
      state: "INSUFFICIENT_DATA",
      reason: UNCHECKED,
      reasonData: undefined,
      since: now,
    } as const;
    this.#alarms.set(settings.name, { ...(known ?? fresh), settings, configuredAt: now });
    this.#listeners.set(settings.name, onTransition);
    return () => {
      if (this.#listeners.get(settings.name) !== onTransition) return;
      this.#alarms.delete(settings.name);
      this.#listeners.delete(settings.name);
    };
  }

  /** Judges every alarm by the minutes that were over at that time. @param now milliseconds since the epoch */
  evaluate(now: number): void {
    for (const alarm of this.#alarms.values()) this.#judge(alarm, now);
  }

  /** Until the next evaluation says otherwise. False when there is no such alarm. */
  setState(name: string, state: AlarmState, reason: string, reasonData?: string): boolean {
    const alarm = this.#alarms.get(name);
    if (alarm === undefined) return false;
    this.#enter(alarm, state, { reason, reasonData, at: this.#clock.now() });
    return true;
  }

  #judge(alarm: Writable<Alarm>, now: number): void {
    const { rule, periodSeconds, queries } = alarm.settings;
    const windows = windowsUntil(now, periodSeconds, pointsRetrieved(rule.evaluationPeriods));
    const watched = queries.find(({ returnData }) => returnData) as DataQuery;
    const points = queryPoints(this.#store, watched, queries, windows);
    const state = evaluateAlarm(rule, points, alarm.state);
    if (state === alarm.state || this.#isInsignificant(alarm.settings, watched, windows)) return;
    this.#enter(alarm, state, {
      reason: reasonFor(rule, points, state),
      reasonData: reasonData(alarm.settings, points, windows, now),
      at: now,
    });
  }

  #isInsignificant({ ignoresLowSamples }: AlarmSettings, watched: DataQuery, windows: Windows): boolean {
    if (!ignoresLowSamples || !isMetric(watched)) return false;
    const percentile = percentileOf(watched.statisticName);
    if (percentile === undefined) return false;
    const end = windows.start + windows.length * windows.periodSeconds * 1_000;
    return isLowSample(percentile, this.#store.find(watched.metric)?.summary(windows.start, end)?.count ?? 0);
  }

  #enter(
    alarm: Writable<Alarm>,
    to: AlarmState,
    { reason, reasonData, at }: { reason: string; reasonData: string | undefined; at: number },
  ): void {
    const from = alarm.state;
    Object.assign(alarm, { state: to, reason, reasonData, ...(from === to ? {} : { since: at }) });
    if (from !== to) this.#listeners.get(alarm.settings.name)?.({ alarm, from, to, reason, at });
  }
}

const OPERATORS: Readonly<Record<AlarmRule["comparison"], string>> = {
  GreaterThanOrEqualToThreshold: "greater than or equal to",
  GreaterThanThreshold: "greater than",
  LessThanThreshold: "less than",
  LessThanOrEqualToThreshold: "less than or equal to",
};

/** In AWS's words: `Threshold Crossed: 1 datapoint [3.0 (...)] was greater than the threshold (0.0).` */
const reasonFor = (rule: AlarmRule, points: Points, state: AlarmState): string => {
  const recent = points.filter((point) => point !== undefined).slice(-rule.evaluationPeriods);
  const { length } = recent;
  const periods = `${rule.evaluationPeriods} period${rule.evaluationPeriods === 1 ? "" : "s"}`;
  if (state === "INSUFFICIENT_DATA")
    return `Insufficient Data: ${length} datapoints were received for ${periods}.`;
  if (length === 0)
    return `Threshold Crossed: no datapoints were received for ${periods} and ${periods} of missing data were treated as [${treatedAs(rule)}].`;
  const was = `${length === 1 ? "was" : "were"}${state === "ALARM" ? "" : " not"}`;
  const values = recent.map((value) => `${Number(value.toPrecision(6))}`).join(", ");
  return `Threshold Crossed: ${length} datapoint${length === 1 ? "" : "s"} [${values}] ${was} ${OPERATORS[rule.comparison]} the threshold (${rule.threshold}).`;
};

const treatedAs = ({ treatMissingData }: AlarmRule): string =>
  treatMissingData === "breaching" ? "Breaching" : "NonBreaching";

const reasonData = (
  { queries, rule, periodSeconds }: AlarmSettings,
  points: Points,
  { start }: Windows,
  now: number,
): string => {
  const [only] = queries;
  return JSON.stringify({
    version: "1.0",
    queryDate: new Date(now).toISOString(),
    startDate: new Date(start).toISOString(),
    ...(queries.length === 1 && only && isMetric(only) ? { statistic: only.statisticName } : {}),
    period: periodSeconds,
    recentDatapoints: points.filter((point) => point !== undefined),
    threshold: rule.threshold,
  });
};
