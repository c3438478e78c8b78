/**
 * Side-by-side measurement: the contestants of one comparison run in turns in one process, so that whatever slows the
 * machine slows all of them, and a figure is a ratio within one run rather than a time.
 */

/** One bench file, `bench/<name>/bench.ts`, exports this as `bench`. */
export interface Bench {
  name: string;
  run(harness: Harness): Promise<BenchReport>;
}

/** What a figure must reach. */
interface Target {
  at: "least" | "most";
  value: number;
}

export interface Figure {
  name: string;
  value: number;
  /** e.g. `x` for a ratio, `ns/record`, `ms`. */
  unit: string;
  /** Absent for a figure that is shown for comparison only. */
  target?: Target;
  /** Why it is missed and what was tried, or how to read it. */
  note?: string;
}

export interface BenchReport {
  figures: Figure[];
  /** A reason why it could not be measured here, e.g. a peer that is not installed. */
  skipped?: string;
}

/** One turn of a contestant: does the same work every time. */
export type Contestant = () => unknown | Promise<unknown>;

interface PairedOptions {
  contestants: Record<string, Contestant>;
  /** Turns that count for each. @default 40 */
  rounds?: number;
  /** Turns before, for the compiler. @default 10 */
  warmUp?: number;
}

/** The times of one comparison. */
export class Paired {
  /** Milliseconds of each round, by contestant; index = round. */
  readonly samples: Record<string, number[]>;

  constructor(samples: Record<string, number[]>) {
    this.samples = samples;
  }

  /** Median milliseconds of one turn. */
  median(name: string): number {
    return median(this.#of(name));
  }

  /** How many times faster `name` is than `than`: the median of the rounds' ratios, so that drift cancels. */
  speed(name: string, than: string): number {
    const own = this.#of(name);
    return median(this.#of(than).map((time, round) => time / (own[round] ?? time)));
  }

  #of(name: string): number[] {
    const samples = this.samples[name];
    if (samples === undefined)
      throw new Error(`No contestant "${name}": there are ${Object.keys(this.samples)}.`);
    return samples;
  }
}

export interface Harness {
  paired(options: PairedOptions): Promise<Paired>;
  /** Tells what is under way. */
  progress(text: string): void;
  /** Whether a benchmark that has a baseline is to write it anew. */
  readonly update: boolean;
}

export function median(values: readonly number[]): number {
  return percentile(values, 50);
}

/** The nearest-rank percentile; NaN of nothing. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const rank = Math.max(1, Math.ceil((percent / 100) * sorted.length));
  return sorted[rank - 1] ?? Number.NaN;
}

/** Does the figure reach its target? True when it has none. */
export function isMet({ value, target }: Figure): boolean {
  if (target === undefined) return true;
  return target.at === "least" ? value >= target.value : value <= target.value;
}

/** Each round starts with another contestant, so that none always runs after the same one. */
function rotated<Value>(values: readonly Value[], by: number): Value[] {
  const start = by % values.length;
  return [...values.slice(start), ...values.slice(0, start)];
}

export interface HarnessOptions {
  now(): number;
  progress(text: string): void;
  /** @default false */
  update?: boolean;
}

export function createHarness({ now, progress, update = false }: HarnessOptions): Harness {
  return {
    progress,
    update,
    paired: async ({ contestants, rounds = 40, warmUp = 10 }) => {
      const entries = Object.entries(contestants);
      const samples: Record<string, number[]> = Object.fromEntries(entries.map(([name]) => [name, []]));
      for (let round = -warmUp; round < rounds; round++) {
        for (const [name, turn] of rotated(entries, round + warmUp)) {
          const start = now();
          await turn();
          if (round >= 0) samples[name]?.push(now() - start);
        }
      }
      return new Paired(samples);
    },
  };
}
