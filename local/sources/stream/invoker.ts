/** One invocation for a batch, and what came of it. */
import type { InvokeResult } from "../../lambda/results.ts";
import { TooManyRequestsException } from "../../lambda/results.ts";
import type { StoredRecord } from "../../services/kinesis-shard.ts";
import { readResponse, type Verdict } from "./response.ts";
import type { MappingSettings } from "./settings.ts";

export type Attempt =
  | { kind: "throttled" }
  | { kind: "done"; verdict: Verdict; requestId: string; functionError: string | null };

export type Invoker = (
  functionName: string,
  payload: string,
) => Promise<Pick<InvokeResult, "status" | "payload" | "requestId" | "functionError">>;

/**
 * Invokes the function and judges its answer. A throttle is no failure of the batch.
 *
 * @throws what is neither an answer nor a throttle: the runtime is being stopped, or has no such function
 */
export const attempt = async (
  invoke: Invoker,
  mapping: MappingSettings,
  records: readonly StoredRecord[],
  payload: string,
): Promise<Attempt> => {
  try {
    const {
      status,
      payload: answer,
      requestId,
      functionError = null,
    } = await invoke(mapping.functionName, payload);
    const tumbling = mapping.tumblingWindowSeconds > 0;
    const verdict =
      status === "ok"
        ? readResponse(answer, records, { partialResponses: mapping.partialResponses, tumbling })
        : { failedFrom: 0 };
    return { kind: "done", verdict, requestId, functionError };
  } catch (error) {
    if (error instanceof TooManyRequestsException) return { kind: "throttled" };
    throw error;
  }
};
