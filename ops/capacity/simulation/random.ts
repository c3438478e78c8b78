/** Randomness from a seed: the same seed draws the same numbers, in any version and on any machine. Pure. */

/** Uniform in [0, 1). */
export type Random = () => number;

/** Draws one value, in milliseconds. */
export type Distribution = (random: Random) => number;

/** What is measured of a time: half are below the first figure, 99 in 100 below the second. */
export interface Percentiles {
  p50: number;
  p99: number;
}

/** Standard deviations from the median to the 99th percentile of a normal distribution. */
const Z99 = 2.326347874;

/** Mulberry32: 32 bits of state, a full period of 2^32. */
export function seeded(seed: number): Random {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export const constant =
  (value: number): Distribution =>
  () =>
    value;

export const exponential =
  (mean: number): Distribution =>
  (random) =>
    -mean * Math.log(1 - random());

/** One draw of the standard normal distribution (Box and Muller). */
const normal = (random: Random): number =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

/** Durations have a long tail to one side: log-normal through two measured percentiles. */
export function logNormal({ p50, p99 }: Percentiles): Distribution {
  const sigma = spreadOf({ p50, p99 });
  return sigma === 0 ? constant(p50) : (random) => p50 * Math.exp(sigma * normal(random));
}

/** The mean that belongs to two percentiles: what Little's law asks for. */
export const meanOf = (percentiles: Percentiles): number =>
  percentiles.p50 * Math.exp(spreadOf(percentiles) ** 2 / 2);

const spreadOf = ({ p50, p99 }: Percentiles): number =>
  p50 > 0 && p99 > p50 ? Math.log(p99 / p50) / Z99 : 0;
