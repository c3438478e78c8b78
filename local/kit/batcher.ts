/** How records are cut into batches. Pure. */

export interface BatchLimits {
  /** Most items. */
  records: number;
  /** Most bytes; a first item that is larger makes a batch of its own. */
  bytes: number;
}

export interface Cut {
  /** How many items from the head make the next batch. */
  count: number;
  /** True when another item would not have fitted: waiting for more is pointless. */
  full: boolean;
}

/**
 * The next batch, from the head of what is waiting.
 *
 * @param sizeOf an item's bytes
 * @param belongs false for an item that may not be in the same batch as the first one
 */
export const cutBatch = <T>(
  items: readonly T[],
  limits: BatchLimits,
  sizeOf: (item: T) => number,
  belongs: (item: T) => boolean = () => true,
): Cut => {
  let bytes = 0;
  let count = 0;
  for (const item of items) {
    bytes += sizeOf(item);
    if (count > 0 && (bytes > limits.bytes || !belongs(item))) return { count, full: true };
    count += 1;
    if (count === limits.records) return { count, full: true };
  }
  return { count, full: bytes >= limits.bytes };
};

/** How much of a batching window is left, in milliseconds; 0 when it is over. */
export const windowLeft = (since: number, windowMs: number, now: number): number =>
  Math.max(0, since + windowMs - now);
