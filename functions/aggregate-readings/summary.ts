/**
 * What is known about a series in one bucket of time, and how two such summaries become one. Pure.
 *
 * Why redelivery never counts twice: every stored aggregate carries, for each shard, the last sequence number that it
 * has applied. A shard's records arrive in order, so "applied up to S" means that everything of that shard up to S
 * is in. A batch that comes again, whole or cut elsewhere, is folded from the first record after S; no record is
 * ever half applied, because the readings of one record that belong to one aggregate are merged in one write.
 */
import { roundingError } from "../shared/sum.ts";

/** What is known about one device's metric in one bucket of time. */
export interface Summary {
  count: number;
  /** Sum of the values, as `sum + sumLow`: see shared/sum.ts. */
  sum: number;
  sumLow: number;
  min: number;
  max: number;
  /** Value of the reading with the greatest `at`; of two alike, the one with the greater sequence number. */
  last: number;
  /** Epoch ms of that reading. */
  lastAt: number;
  /** Its zero-padded sequence number. */
  lastSequence: string;
}

/** An aggregate as the table holds it. */
export interface Aggregate extends Summary {
  /** Shard to the last sequence number applied, zero-padded. */
  applied: ReadonlyMap<string, string>;
}

/** DynamoDB numbers end here in magnitude: what is smaller is stored as zero. */
export const SMALLEST = 1e-130;

/** Is (at, sequence) later than (otherAt, otherSequence)? */
function isLater(at: number, sequence: string, otherAt: number, otherSequence: string): boolean {
  return at > otherAt || (at === otherAt && sequence >= otherSequence);
}

/** Adds `part` to `whole`, in place. */
export function mergeInto(whole: Summary, part: Summary): void {
  const sum = whole.sum + part.sum;
  const low = roundingError(whole.sum, part.sum, sum) + whole.sumLow + part.sumLow;
  whole.sum = sum + low;
  whole.sumLow = roundingError(sum, low, whole.sum);
  whole.count += part.count;
  whole.min = Math.min(whole.min, part.min);
  whole.max = Math.max(whole.max, part.max);
  if (isLater(part.lastAt, part.lastSequence, whole.lastAt, whole.lastSequence)) {
    whole.last = part.last;
    whole.lastAt = part.lastAt;
    whole.lastSequence = part.lastSequence;
  }
}

/** How a delta stands to what is stored. */
export type Standing = "new" | "applied" | { partlyAppliedUpTo: string };

/** Tells whether the delta's records are all new to the stored aggregate, all in it, or partly. */
export function standingOf(
  stored: Aggregate | undefined,
  shard: string,
  { first, last }: { first: string; last: string },
): Standing {
  const applied = stored?.applied.get(shard);
  if (applied === undefined || applied < first) return "new";
  return applied >= last ? "applied" : { partlyAppliedUpTo: applied };
}

/** As DynamoDB can hold it: nothing between zero and 1e-130, and no negative zero. */
function storable(value: number): number {
  return Math.abs(value) < SMALLEST ? 0 : value;
}

/**
 * The aggregate after `delta`.
 *
 * @param through zero-padded sequence number of the batch's last record: everything of the shard up to it is now in.
 */
export function applyDelta(
  stored: Aggregate | undefined,
  delta: Summary,
  { shard, through }: { shard: string; through: string },
): Aggregate {
  const summary: Summary = {
    count: delta.count,
    sum: delta.sum,
    sumLow: delta.sumLow,
    min: delta.min,
    max: delta.max,
    last: delta.last,
    lastAt: delta.lastAt,
    lastSequence: delta.lastSequence,
  };
  if (stored !== undefined) mergeInto(summary, stored);
  for (const name of ["sum", "sumLow", "min", "max", "last"] as const)
    summary[name] = storable(summary[name]);
  return { ...summary, applied: new Map(stored?.applied).set(shard, through) };
}
