/** A day's sorted readings to one report per series. Memory: one device's metrics. */
import { DAY, formatInstant } from "../shared/instant.ts";
import {
  atOf,
  copyRecord,
  createRecord,
  isRepeated,
  numberOf,
  type RecordRef,
  readText,
  repeatsOf,
  TEXT,
} from "../shared/lake/records.ts";
import type { SeriesReport } from "../shared/report.ts";
import { roundingError } from "../shared/sum.ts";
import { type SampleFile, Samples } from "./samples.ts";

/** A gap is longer than this many median intervals. */
const GAP_FACTOR = 2;

class Series {
  readonly #values: Samples;
  readonly #intervals: Samples;
  readonly #first: number;
  #last: number;
  #min = Number.POSITIVE_INFINITY;
  #max = Number.NEGATIVE_INFINITY;
  #sum = 0;
  #sumLow = 0;
  #longest = 0;
  repeats = 0;

  constructor(at: number, file: SampleFile) {
    this.#values = new Samples(file);
    this.#intervals = new Samples(file);
    this.#first = at;
    this.#last = at;
  }

  add(at: number, value: number): void {
    const sum = this.#sum + value;
    this.#sumLow += roundingError(this.#sum, value, sum);
    this.#sum = sum;
    this.#min = Math.min(this.#min, value);
    this.#max = Math.max(this.#max, value);
    this.#values.add(value);
    if (at === this.#last) return;
    this.#intervals.add(at - this.#last);
    this.#longest = Math.max(this.#longest, at - this.#last);
    this.#last = at;
  }

  report(deviceId: string, metric: string): SeriesReport {
    const count = this.#values.length;
    const median = this.#intervals.percentile(50);
    return {
      deviceId,
      metric,
      count,
      min: this.#min,
      max: this.#max,
      mean: (this.#sum + this.#sumLow) / count,
      p50: this.#values.percentile(50),
      p95: this.#values.percentile(95),
      gaps: this.#intervals.length === 0 ? 0 : this.#intervals.countAbove(GAP_FACTOR * median),
      longestIntervalSeconds: this.#longest / 1000,
      repeats: this.repeats,
      firstAt: formatInstant(this.#first),
      lastAt: formatInstant(this.#last),
    };
  }
}

/** Takes a day's readings in the lake's order, whatever files they come from. */
export class DayReport {
  readonly #day: number;
  readonly #file: SampleFile;
  readonly #emit: (report: SeriesReport) => void;
  readonly #kept = createRecord();
  readonly #series = new Map<string, Series>();
  #device: string | undefined;

  /** @param emit gets the series by device and metric. @param day epoch ms. */
  constructor(day: number, file: SampleFile, emit: (report: SeriesReport) => void) {
    this.#day = day;
    this.#file = file;
    this.#emit = emit;
  }

  take(record: RecordRef): void {
    const at = atOf(record);
    if (at < this.#day || at >= this.#day + DAY) return;
    const isRepeat = this.#device !== undefined && isRepeated(record, this.#kept);
    const device = readText(record, TEXT.device);
    if (device !== this.#device) this.#endDevice();
    this.#device = device;
    const series = this.#seriesOf(readText(record, TEXT.metric), at);
    series.repeats += repeatsOf(record) + (isRepeat ? 1 : 0);
    if (isRepeat) return;
    copyRecord(record, this.#kept);
    series.add(at, numberOf(record));
  }

  end(): void {
    this.#endDevice();
  }

  #seriesOf(metric: string, at: number): Series {
    const known = this.#series.get(metric);
    if (known) return known;
    const series = new Series(at, this.#file);
    this.#series.set(metric, series);
    return series;
  }

  #endDevice(): void {
    const metrics = [...this.#series].sort(([left], [right]) => (left < right ? -1 : 1));
    for (const [metric, series] of metrics) this.#emit(series.report(this.#device ?? "", metric));
    this.#series.clear();
    this.#file.reset();
  }
}
