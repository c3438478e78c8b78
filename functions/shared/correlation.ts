/**
 * One id that follows what somebody did, or a reading, through every hop and into every line that is written about it:
 * `correlationId`. A request brings it in a header, a reading as its member; what comes without one from HTTP, from a
 * schedule or in a job's message is given one.
 *
 * Docs: docs/correlation.md
 */
import { isPrintableId } from "./reading.ts";

/** How many ids a line about many items names. */
const MOST_NAMED = 10;

/** The value as a correlation id: 1-128 printable ASCII characters without spaces; undefined for anything else. */
export function asCorrelationId(value: unknown): string | undefined {
  return isPrintableId(value) ? value : undefined;
}

/**
 * Marks a failure with the id of the item that it is about, so that whoever writes it down, further up, can name it.
 * @returns the same error
 */
function correlatedError(error: unknown, correlationId: string | undefined): Error {
  const marked = error instanceof Error ? error : new Error(String(error));
  return correlationId === undefined ? marked : Object.assign(marked, { correlationId });
}

/** The id that a failure was marked with, as a log line's fields. */
export function correlationOf(error: unknown): { correlationId?: string } {
  const correlationId = asCorrelationId((error as { correlationId?: unknown } | undefined)?.correlationId);
  return correlationId === undefined ? {} : { correlationId };
}

/** Runs the work on one item; a failure is marked with the item's id. */
export async function correlating<Result>(
  correlationId: string | undefined,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw correlatedError(error, correlationId);
  }
}

/** The ids of a batch's items, for the one line that is written about all of them: bounded, whatever the batch. */
export class CorrelationIds {
  readonly #named = new Set<string>();
  #last: string | undefined;
  #items = 0;

  add(id: string | undefined): void {
    if (id === undefined) return;
    this.#items += 1;
    // Most often a request's readings stand together.
    if (id === this.#last || this.#named.size >= MOST_NAMED) return;
    this.#last = id;
    this.#named.add(id);
  }

  /** Up to ten of the ids, and how many items have one; nothing when none has. */
  fields(): { correlationIds?: string[]; correlatedItems?: number } {
    return this.#items === 0 ? {} : { correlationIds: [...this.#named], correlatedItems: this.#items };
  }
}
