/**
 * Which objects of a bucket a subscription is about, and what S3 refuses. Pure.
 * Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html
 */
import { argumentError, type Culprit } from "./arguments.ts";

export interface ObjectFilter {
  /** The subscription's name, for errors. */
  name: string;
  /** What keys start with; empty for all. */
  prefix: string;
  /** What keys end with; empty for all. */
  suffix: string;
}

/** Characters of a key; S3 allows no more in a filter. */
const LONGEST = 1_024;

const oneStarts = (left: string, right: string): boolean => left.startsWith(right) || right.startsWith(left);
const oneEnds = (left: string, right: string): boolean => left.endsWith(right) || right.endsWith(left);

/** Whether some key could pass both, as S3 judges it. */
const overlap = (left: ObjectFilter, right: ObjectFilter): boolean =>
  oneStarts(left.prefix, right.prefix) && oneEnds(left.suffix, right.suffix);

const describe = ({ name, prefix, suffix }: ObjectFilter): string =>
  `"${name}" (prefix "${prefix}", suffix "${suffix}")`;

/** Whether an object that the callback writes under `outputPrefix` could trigger it again. */
const triggersItself = ({ prefix }: ObjectFilter, outputPrefix: string): boolean =>
  oneStarts(prefix, outputPrefix);

/**
 * @param who the bucket
 * @param others the bucket's subscriptions so far
 * @param outputPrefix where the callback writes into the same bucket
 * @throws Error naming both subscriptions, or the prefix, and the cure
 */
export function checkObjectFilter(
  who: Culprit,
  filter: ObjectFilter,
  others: readonly ObjectFilter[],
  outputPrefix: string | undefined,
): void {
  for (const [key, value] of Object.entries({ prefix: filter.prefix, suffix: filter.suffix })) {
    if (value.length > LONGEST) {
      throw argumentError(
        who,
        `the ${key} of "${filter.name}" has ${value.length} characters; S3 allows ${LONGEST}.`,
      );
    }
  }
  const other = others.find((each) => overlap(each, filter));
  if (other !== undefined) {
    throw argumentError(
      who,
      `subscriptions ${describe(other)} and ${describe(filter)} overlap, which S3 refuses: an object has one receiver. Tell them apart by prefix or suffix, or do both in one callback.`,
    );
  }
  if (outputPrefix !== undefined && triggersItself(filter, outputPrefix)) {
    throw argumentError(
      who,
      `"${filter.name}" writes to "${outputPrefix}", which its own prefix "${filter.prefix}" covers: it would trigger itself without end. Read from a prefix beside it, or write to another bucket.`,
    );
  }
}
