import type { TraceEvent } from "../../local/kit/trace.ts";
import type { Target } from "../shared/target.ts";

/** What the system on this machine knows of an id. @throws {Error} when it cannot be asked */
export async function localEvents({ traces, stack }: Target, id: string): Promise<TraceEvent[]> {
  if (traces === undefined)
    throw new Error(
      `Stack "${stack}" was started without traces. Start it anew: npm start -- --stack ${stack}.`,
    );
  const answer = await fetch(`${traces}/traces/${encodeURIComponent(id)}`);
  if (answer.ok) return (await answer.json()) as TraceEvent[];
  throw new Error(`The running system does not tell its traces: it answered ${answer.status}.`);
}
