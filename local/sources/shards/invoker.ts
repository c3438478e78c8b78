/** One invocation for a batch, and what came of it. */
import { randomUUID } from "node:crypto";
import {
  type InvokeResult,
  RequestTooLargeException,
  ResourceNotFoundException,
  TooManyRequestsException,
} from "../../lambda/results.ts";
import type { ShardRecord } from "./record.ts";
import { readResponse, type Verdict } from "./response.ts";
import type { MappingSettings } from "./settings.ts";

export type Attempt =
  /** Throttled, or the function is being replaced: no failure of the batch. */
  | { kind: "unavailable" }
  | { kind: "done"; verdict: Verdict; requestId: string; functionError: string | null };

type Answer = Pick<InvokeResult, "status" | "payload" | "requestId" | "functionError">;
export type Invoke = (functionName: string, payload: string) => Promise<Answer>;

const onError = (error: unknown): Attempt => {
  if (error instanceof TooManyRequestsException || error instanceof ResourceNotFoundException) {
    return { kind: "unavailable" };
  }
  if (error instanceof RequestTooLargeException) {
    return { kind: "done", verdict: { failedFrom: 0 }, requestId: randomUUID(), functionError: error.name };
  }
  throw error;
};

/**
 * Invokes the function and judges its answer.
 *
 * @throws what is no answer, e.g. because the runtime is being stopped
 */
export const attempt = async (
  invoke: Invoke,
  mapping: MappingSettings,
  records: readonly ShardRecord[],
  payload: string,
): Promise<Attempt> => {
  try {
    const answer = await invoke(mapping.functionName, payload);
    const tumbling = mapping.tumblingWindowSeconds > 0;
    const { partialResponses } = mapping;
    const verdict =
      answer.status === "ok"
        ? readResponse(answer.payload, records, { partialResponses, tumbling })
        : { failedFrom: 0 };
    return {
      kind: "done",
      verdict,
      requestId: answer.requestId,
      functionError: answer.functionError ?? null,
    };
  } catch (error) {
    return onError(error);
  }
};
