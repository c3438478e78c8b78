/** How records are cut into batches. Pure. */

interface BatchLimits {
  /** Most items. */
  records: number;
  /** Most bytes; a first item that is larger makes a batch of its own. */
  bytes: number;
}

export interface CutRules<T> extends BatchLimits {
  /** An item's bytes. */
  sizeOf(item: T): number;
  /** False for an item that may not be in the same batch as the first one. @default always true */
  belongs?(item: T): boolean;
}

/** How far the items have been looked at. */
export interface CutState {
  /** How many items from the head are in the next batch. */
  count: number;
  bytes: number;
}

export interface Cut extends CutState {
  /** True when another item would not have fitted: waiting for more is pointless. */
  full: boolean;
}

const NOTHING: CutState = { count: 0, bytes: 0 };

/**
 * The next batch, from the head of what is waiting.
 *
 * @param soFar an earlier cut of the same items under the same rules that was not full: only what came since is
 * looked at, so that a long wait for many small arrivals stays cheap
 */
export const cutBatch = <T>(items: readonly T[], rules: CutRules<T>, soFar: CutState = NOTHING): Cut => {
  const { records, bytes: most, sizeOf, belongs = () => true } = rules;
  let { count, bytes } = soFar;
  for (const item of items.slice(count)) {
    const size = sizeOf(item);
    if (count > 0 && (bytes + size > most || !belongs(item))) return { count, bytes, full: true };
    count += 1;
    bytes += size;
    if (count === records) return { count, bytes, full: true };
  }
  return { count, bytes, full: bytes >= most };
};

/** How much of a batching window is left, in milliseconds; 0 when it is over. */
export const windowLeft = (since: number, windowMs: number, now: number): number =>
  Math.max(0, since + windowMs - now);
