/**
 * What is seen over time, in a bounded number of steps: when a run outlasts them, neighbouring steps become one twice as
 * long. Levels are means over a step, counts are sums.
 */

/** What stands at any moment. */
const LEVELS = ["environments", "inFlight", "waiting"] as const;
/** What happens. */
const COUNTS = ["coldStarts", "throttles", "completed"] as const;

type Level = (typeof LEVELS)[number];
type Count = (typeof COUNTS)[number];

/** The same number of values of each, one per step. */
export type Series = Record<Level | Count, number[]> & { stepMs: number };

const STEPS = 480;
const FIRST_STEP_MS = 5;

interface Curve {
  /** Level x milliseconds, per step. */
  area: Float64Array;
  value: number;
  since: number;
  highest: number;
}

export class Timeline {
  #stepMs = FIRST_STEP_MS;
  readonly #levels = Object.fromEntries(
    LEVELS.map((name) => [name, { area: new Float64Array(STEPS), value: 0, since: 0, highest: 0 }]),
  ) as Record<Level, Curve>;
  readonly #counts = Object.fromEntries(COUNTS.map((name) => [name, new Float64Array(STEPS)])) as Record<
    Count,
    Float64Array
  >;

  set(name: Level, value: number, now: number): void {
    const curve = this.#levels[name];
    if (value === curve.value) return;
    this.#advance(curve, now);
    curve.value = value;
    if (value > curve.highest) curve.highest = value;
  }

  count(name: Count, now: number, times = 1): void {
    const step = this.#stepOf(now);
    const counts = this.#counts[name];
    counts[step] = (counts[step] as number) + times;
  }

  highest(name: Level): number {
    return this.#levels[name].highest;
  }

  /** Everything until `end`; the last step may be shorter and its levels are means of what there was of it. */
  finish(end: number): Series {
    for (const curve of Object.values(this.#levels)) this.#advance(curve, end);
    const stepMs = this.#stepMs;
    const steps = Math.min(STEPS, Math.max(1, Math.ceil(end / stepMs)));
    const lengthOf = (step: number): number => Math.min(stepMs, end - step * stepMs) || stepMs;
    const levels = LEVELS.map((name) => [
      name,
      Array.from(this.#levels[name].area.subarray(0, steps), (area, step) => area / lengthOf(step)),
    ]);
    const counts = COUNTS.map((name) => [name, sumsOf(this.#counts[name], steps)]);
    return { stepMs, ...Object.fromEntries([...levels, ...counts]) };
  }

  /** Adds what a level was from its last change until now. */
  #advance(curve: Curve, now: number): void {
    const last = this.#stepOf(now);
    let from = curve.since;
    for (let step = Math.floor(from / this.#stepMs); step <= last && from < now; step++) {
      const until = Math.min(now, (step + 1) * this.#stepMs);
      curve.area[step] = (curve.area[step] as number) + curve.value * (until - from);
      from = until;
    }
    curve.since = now;
  }

  #stepOf(now: number): number {
    while (now >= this.#stepMs * STEPS) this.#double();
    return Math.floor(now / this.#stepMs);
  }

  #double(): void {
    const series = [...Object.values(this.#levels).map(({ area }) => area), ...Object.values(this.#counts)];
    for (const values of series) {
      for (let step = 0; step < STEPS / 2; step++) {
        values[step] = (values[2 * step] as number) + (values[2 * step + 1] as number);
      }
      values.fill(0, STEPS / 2);
    }
    this.#stepMs *= 2;
  }
}

/** What happens at the very end belongs to the step that ends there. */
function sumsOf(values: Float64Array, steps: number): number[] {
  const sums = Array.from(values.subarray(0, steps));
  sums[steps - 1] = (sums[steps - 1] ?? 0) + (values[steps] ?? 0);
  return sums;
}
