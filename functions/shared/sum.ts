/**
 * Sums of doubles that do not depend on how the stream was cut into batches: `high + low` carries about 106 bits,
 * so the rounding of one addition does not reach the double that is shown.
 *
 * Source: Knuth's TwoSum; https://en.wikipedia.org/wiki/Quadruple-precision_floating-point_format#Double-double_arithmetic
 */

/** What is lost when `a + b` is rounded to `sum`. */
export function roundingError(a: number, b: number, sum: number): number {
  const virtual = sum - a;
  return a - (sum - virtual) + (b - virtual);
}
