/** Metrics in memory, minute by minute, bounded: the minutes that were begun first go first. */
import { type StatisticSet, Summary } from "./metric-summary.ts";

export type Dimensions = Readonly<Record<string, string>>;

/** What makes a metric one: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html */
export interface MetricName {
  readonly namespace: string;
  readonly name: string;
  readonly dimensions: Dimensions;
}

export const MINUTE_MS = 60_000;
/** Summaries and their cells, of all metrics together: about 30 MB. */
const MOST_CELLS = 400_000;

/** One metric, and its minutes in the order in which they were begun. */
export class MetricSeries implements MetricName {
  readonly namespace: string;
  readonly name: string;
  readonly dimensions: Dimensions;
  /** Of the last figure that had one; AWS keeps a metric per unit, which is not told apart here. */
  unit: string | undefined;
  /** By minutes since the epoch. */
  readonly minutes = new Map<number, Summary>();
  /** When the newest figure's minute began, in milliseconds since the epoch. */
  newest = 0;
  /** When the oldest one's began; those in between may be gone since. */
  oldest = Number.POSITIVE_INFINITY;

  constructor({ namespace, name, dimensions }: MetricName) {
    this.namespace = namespace;
    this.name = name;
    this.dimensions = dimensions;
  }

  /** What happened in `[start, end)`, both whole minutes in milliseconds; undefined when nothing did. */
  summary(start: number, end: number): Summary | undefined {
    let merged: Summary | undefined;
    for (const minute of this.#kept(start, end)) {
      const found = this.minutes.get(minute);
      if (found === undefined) continue;
      merged ??= new Summary();
      merged.merge(found);
    }
    return merged;
  }

  /** Minutes that may have figures: callers ask for any time, and it costs no more than what is kept. */
  #kept(start: number, end: number): number[] {
    if (end <= this.oldest || start > this.newest) return [];
    const [first, length] = [start / MINUTE_MS, (end - start) / MINUTE_MS];
    if (length <= this.minutes.size) return Array.from({ length }, (_, index) => first + index);
    return [...this.minutes.keys()].filter((minute) => minute >= first && minute < first + length);
  }
}

/** A metric that figures are added to again and again: its key is made once. */
export class Metric implements MetricName {
  readonly namespace: string;
  readonly name: string;
  readonly dimensions: Dimensions;
  readonly key: string;
  /** The store's, for the next figure of the same minute; good until any minute is dropped. */
  last: { readonly minute: number; readonly drops: number; readonly summary: Summary } | undefined;

  constructor(metric: MetricName) {
    this.namespace = metric.namespace;
    this.name = metric.name;
    this.dimensions = metric.dimensions;
    this.key = keyOf(metric);
  }
}

/** The order in which dimensions are given means nothing. */
const keyOf = (metric: MetricName): string => {
  if (metric instanceof Metric) return metric.key;
  const { namespace, name, dimensions } = metric;
  const names = Object.keys(dimensions);
  if (names.length > 1) names.sort();
  return names.reduce((key, each) => `${key}\n${each}=${dimensions[each]}`, `${namespace}\n${name}`);
};

export interface MetricStoreOptions {
  readonly clock: { now(): number };
  /** @default 400,000 */
  readonly mostCells?: number;
}

export class MetricStore {
  readonly #options: MetricStoreOptions;
  readonly #series = new Map<string, MetricSeries>();
  /** Minutes that are kept, first begun first. */
  #order: { key: string; minute: number }[] = [];
  #first = 0;
  /** Minutes that are gone. */
  #drops = 0;
  #cells = 0;

  constructor(options: MetricStoreOptions) {
    this.#options = options;
  }

  /** Every metric with figures. */
  get series(): MetricSeries[] {
    return [...this.#series.values()];
  }

  find(metric: MetricName): MetricSeries | undefined {
    return this.#series.get(keyOf(metric));
  }

  add(metric: MetricName, value: number, options: FigureOptions = {}): void {
    const summary = this.#summary(metric, options);
    const before = summary.weight;
    summary.add(value, options.count);
    this.#grow(summary.weight - before);
  }

  addSet(metric: MetricName, set: StatisticSet, options: FigureOptions = {}): void {
    const summary = this.#summary(metric, options);
    const before = summary.weight;
    summary.addSet(set);
    this.#grow(summary.weight - before);
  }

  #grow(cells: number): void {
    this.#cells += cells;
    while (this.#cells > (this.#options.mostCells ?? MOST_CELLS)) this.#dropOldest();
  }

  /** Of the figure's minute. A metric that is used again and again keeps that of its last one at hand. */
  #summary(metric: MetricName, { at, unit }: FigureOptions): Summary {
    const minute = Math.floor((at ?? this.#options.clock.now()) / MINUTE_MS);
    const isKept = metric instanceof Metric;
    if (isKept && metric.last?.minute === minute && metric.last.drops === this.#drops)
      return metric.last.summary;
    const key = keyOf(metric);
    const series = this.#open(key, metric);
    if (unit !== undefined) series.unit = unit;
    const summary = series.minutes.get(minute) ?? this.#begin(key, series, minute);
    if (isKept) metric.last = { minute, drops: this.#drops, summary };
    return summary;
  }

  #open(key: string, metric: MetricName): MetricSeries {
    const known = this.#series.get(key);
    if (known !== undefined) return known;
    const made = new MetricSeries(metric);
    this.#series.set(key, made);
    return made;
  }

  #begin(key: string, series: MetricSeries, minute: number): Summary {
    const summary = new Summary();
    series.minutes.set(minute, summary);
    series.newest = Math.max(series.newest, minute * MINUTE_MS);
    series.oldest = Math.min(series.oldest, minute * MINUTE_MS);
    this.#order.push({ key, minute });
    this.#cells += summary.weight;
    return summary;
  }

  #dropOldest(): void {
    const oldest = this.#order[this.#first];
    this.#first += 1;
    this.#drops += 1;
    if (oldest === undefined) return;
    const series = this.#series.get(oldest.key);
    this.#cells -= series?.minutes.get(oldest.minute)?.weight ?? 0;
    series?.minutes.delete(oldest.minute);
    if (series?.minutes.size === 0) this.#series.delete(oldest.key);
    if (this.#first < 1_024 || this.#first < this.#order.length / 2) return;
    this.#order = this.#order.slice(this.#first);
    this.#first = 0;
  }
}

export interface FigureOptions {
  /** When it happened, in milliseconds since the epoch. @default now */
  readonly at?: number | undefined;
  /** E.g. `Milliseconds`. */
  readonly unit?: string | undefined;
  /** How often the value was seen. @default 1 */
  readonly count?: number;
}
