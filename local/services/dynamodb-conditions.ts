/** ReturnValuesOnConditionCheckFailure. Pure. Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_PutItem.html */

import type { Item } from "./dynalite.ts";
import { ServiceError, validationError } from "./faults.ts";
import type { Input } from "./service.ts";

/** Whether an operation may return the item that its condition failed on. */
export const isConditional = (operation: string): boolean =>
  ["PutItem", "UpdateItem", "DeleteItem"].includes(operation);

/** @throws ServiceError for a value other than NONE and ALL_OLD. */
export const checkReturnValues = (request: Input): void => {
  const value = request.ReturnValuesOnConditionCheckFailure;
  if (value === undefined || value === null || value === "NONE" || value === "ALL_OLD") return;
  throw validationError(
    `1 validation error detected: Value '${value}' at 'returnValuesOnConditionCheckFailure' failed to satisfy ` +
      "constraint: Member must satisfy enum value set: [ALL_OLD, NONE]",
  );
};

/** Adds the item that a condition failed on, when the request asked for it. */
export const withItem = (error: unknown, input: Input, item: Item | undefined): unknown => {
  const failed = error instanceof ServiceError && error.type.endsWith("#ConditionalCheckFailedException");
  if (!failed || item === undefined || input.ReturnValuesOnConditionCheckFailure !== "ALL_OLD") return error;
  return new ServiceError(error.type, error.message, { status: error.status, details: { Item: item } });
};
