/**
 * Figures of one metric over some time: count, sum, extremes, and enough of the values for percentiles.
 *
 * Values are kept in cells that grow by 2 %, so a percentile is at most 1 % off and memory is bounded whatever is
 * counted: a factor of a million takes at most 700 cells.
 */

const GROWTH = Math.log(1.02);
/** Between this and zero no value is told from zero. */
const SMALLEST = 1e-9;

/** Zero is cell 0; the sign of a cell is the value's. */
const cellOf = (value: number): number => {
  const size = Math.abs(value);
  if (size < SMALLEST) return 0;
  const cell = 1 + Math.max(0, Math.round(Math.log(size / SMALLEST) / GROWTH));
  return value < 0 ? -cell : cell;
};

const valueIn = (cell: number): number =>
  cell === 0 ? 0 : Math.sign(cell) * SMALLEST * Math.exp((Math.abs(cell) - 1) * GROWTH);

/** A statistic set: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_StatisticSet.html */
export interface StatisticSet {
  readonly count: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
}

export class Summary implements StatisticSet {
  count = 0;
  sum = 0;
  min = Number.POSITIVE_INFINITY;
  max = Number.NEGATIVE_INFINITY;
  readonly #cells = new Map<number, number>();

  /** How much of the memory it takes: one, and one per cell. */
  get weight(): number {
    return 1 + this.#cells.size;
  }

  /** @param count how often the value was seen */
  add(value: number, count = 1): void {
    this.#extend(count, value * count, value, value);
    const cell = cellOf(value);
    this.#cells.set(cell, (this.#cells.get(cell) ?? 0) + count);
  }

  /** Figures whose values nobody knows: a percentile takes them for evenly spread over their extremes' mean. */
  addSet(set: StatisticSet): void {
    if (set.count === 1 || set.min === set.max) {
      this.add(set.sum / set.count, set.count);
      return;
    }
    this.#extend(set.count, set.sum, set.min, set.max);
    const cell = cellOf(set.sum / set.count);
    this.#cells.set(cell, (this.#cells.get(cell) ?? 0) + set.count);
  }

  merge(other: Summary): void {
    this.#extend(other.count, other.sum, other.min, other.max);
    for (const [cell, count] of other.#cells) this.#cells.set(cell, (this.#cells.get(cell) ?? 0) + count);
  }

  /** @param share above 0 and at most 1 */
  percentile(share: number): number {
    const rank = Math.max(1, Math.ceil(share * this.count));
    let seen = 0;
    for (const [cell, count] of [...this.#cells].sort(([a], [b]) => a - b)) {
      seen += count;
      if (seen >= rank) return Math.min(this.max, Math.max(this.min, valueIn(cell)));
    }
    return this.max;
  }

  #extend(count: number, sum: number, min: number, max: number): void {
    this.count += count;
    this.sum += sum;
    if (min < this.min) this.min = min;
    if (max > this.max) this.max = max;
  }
}

/** Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html */
export type Statistic = (summary: Summary) => number;

const PLAIN: Readonly<Record<string, Statistic>> = {
  SampleCount: ({ count }) => count,
  Sum: ({ sum }) => sum,
  Average: ({ sum, count }) => sum / count,
  Minimum: ({ min }) => min,
  Maximum: ({ max }) => max,
};

const PERCENTILE = /^p(\d{1,2}(?:\.\d{1,10})?|100)$/;

/** Percentile of an extended statistic in per cent, e.g. 99.9; undefined for any other. */
export const percentileOf = (name: string): number | undefined => {
  const digits = PERCENTILE.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
};

/** `Sum`, `p99.9`, ...; undefined for what is served by nobody here, e.g. trimmed means. */
export const statisticNamed = (name: string): Statistic | undefined => {
  if (Object.hasOwn(PLAIN, name)) return PLAIN[name];
  const percentile = percentileOf(name);
  return percentile === undefined ? undefined : (summary) => summary.percentile(percentile / 100);
};
