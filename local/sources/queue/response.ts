/**
 * Which messages of a batch failed, by the function's answer. Pure.
 * Source: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting
 *
 * Unsettled: an answer that is neither an object nor empty (`"done"`, `[1]`) while partial responses are on. It is
 * taken as a failure, the reading that shows.
 */

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isEmpty = (value: unknown): boolean =>
  value === null || value === undefined || value === "" || (Array.isArray(value) && value.length === 0);

/** Everything, when an identifier is missing or names no message of the batch. */
const namedFailures = (failures: unknown[], all: Set<string>): Set<string> => {
  const named = failures.map((failure) => (isObject(failure) ? failure.itemIdentifier : undefined));
  const known = named.filter((id): id is string => typeof id === "string" && all.has(id));
  return known.length === named.length ? new Set(known) : all;
};

/**
 * @param payload the function's result as JSON text
 * @param messageIds of the batch
 */
export const failedMessages = (
  payload: string,
  messageIds: readonly string[],
  partialResponses: boolean,
): Set<string> => {
  const response: unknown = JSON.parse(payload);
  if (!partialResponses || isEmpty(response)) return new Set();
  const all = new Set(messageIds);
  if (!isObject(response)) return all;
  const { batchItemFailures } = response;
  if (isEmpty(batchItemFailures)) return new Set();
  return Array.isArray(batchItemFailures) ? namedFailures(batchItemFailures, all) : all;
};
