import { argumentError, type Culprit } from "./arguments.ts";

/** What Pulumi appends to a logical name to make a physical one: `-` and seven hexadecimal digits. */
const AUTONAME_SUFFIX = 8;

/**
 * Physical name limits, characters. Pulumi never truncates an automatic name, so a logical name that is too
 * long fails only at deployment; components check the sum first.
 * Sources: https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html (64),
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html (roles 64, policies 128),
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html (63),
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html (80, with `.fifo`),
 * https://docs.aws.amazon.com/kinesis/latest/APIReference/API_CreateStream.html (128),
 * https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CreateTable.html (255),
 * https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html (64), API_CreateArchive (48),
 * https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html (64),
 * https://docs.aws.amazon.com/iot/latest/apireference/API_CreateTopicRule.html (128).
 */
const NAME_LIMITS = {
  function: 64,
  role: 64,
  policy: 128,
  bucket: 63,
  queue: 80,
  "FIFO queue": 75,
  stream: 128,
  table: 255,
  "event bus": 256,
  "event rule": 64,
  archive: 48,
  schedule: 64,
  "topic rule": 128,
} as const;

export type Named = keyof typeof NAME_LIMITS;

const PATTERNS: Record<Named, { test: RegExp; says: string }> = {
  function: { test: /^[A-Za-z0-9_-]+$/, says: "letters, digits, - and _" },
  role: { test: /^[A-Za-z0-9+=,.@_-]+$/, says: "letters, digits and +=,.@_-" },
  policy: { test: /^[A-Za-z0-9+=,.@_-]+$/, says: "letters, digits and +=,.@_-" },
  bucket: { test: /^[a-z0-9][a-z0-9.-]*$/, says: "lower-case letters, digits, - and ." },
  queue: { test: /^[A-Za-z0-9_-]+$/, says: "letters, digits, - and _" },
  "FIFO queue": { test: /^[A-Za-z0-9_-]+$/, says: "letters, digits, - and _" },
  stream: { test: /^[A-Za-z0-9_.-]+$/, says: "letters, digits, -, _ and ." },
  table: { test: /^[A-Za-z0-9_.-]+$/, says: "letters, digits, -, _ and ." },
  "event bus": { test: /^[A-Za-z0-9_.-]+$/, says: "letters, digits, -, _ and ." },
  "event rule": { test: /^[A-Za-z0-9_.-]+$/, says: "letters, digits, -, _ and ." },
  archive: { test: /^[A-Za-z0-9_.-]+$/, says: "letters, digits, -, _ and ." },
  schedule: { test: /^[A-Za-z0-9_.-]+$/, says: "letters, digits, -, _ and ." },
  "topic rule": { test: /^[A-Za-z0-9_]+$/, says: "letters, digits and _" },
};

/** Refuses a child whose automatic physical name AWS would not take, before anything is created. */
export function checkAutoname(who: Culprit, kind: Named, logicalName: string): void {
  const limit = NAME_LIMITS[kind];
  const length = logicalName.length + AUTONAME_SUFFIX;
  if (length > limit) {
    throw argumentError(
      who,
      `its ${kind}'s name "${logicalName}-xxxxxxx" would have ${length} characters; AWS allows ${limit}. Shorten the logical name by ${length - limit}.`,
    );
  }
  const pattern = PATTERNS[kind];
  if (!pattern.test.test(logicalName)) {
    throw argumentError(who, `"${logicalName}" cannot name a ${kind}: AWS allows ${pattern.says}.`);
  }
}
