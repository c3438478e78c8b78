/** When requests arrive, in milliseconds, ascending. Pure. */
import type { Random } from "./random.ts";

/** @param overMs spread evenly over so long; 0 = all in one instant */
export const burst = (count: number, overMs = 0): Float64Array =>
  Float64Array.from({ length: count }, (_, index) => (index * overMs) / count);

/** Independent arrivals at a steady rate. */
export function poisson(count: number, perSecond: number, random: Random): Float64Array {
  const arrivals = new Float64Array(count);
  let at = 0;
  for (let index = 0; index < count; index++) {
    at -= (Math.log(1 - random()) / perSecond) * 1_000;
    arrivals[index] = at;
  }
  return arrivals;
}
