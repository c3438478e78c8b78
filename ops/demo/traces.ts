/** Two traces of a run, for its report: a reading's and an order's. Pure. */
import type { TraceEvent } from "../../local/kit/trace.ts";
import { eventsAbout } from "../../local/kit/trace-selection.ts";
import { traceHeading, traceLines, traceTree } from "../trace/tree.ts";

/** The first id of the run in a line with that message. */
const idIn = (events: readonly TraceEvent[], message: string, mark: string): string | undefined => {
  for (const { kind, line } of events) {
    if (kind !== "log" || !String(line).includes(message)) continue;
    const [, id] = /"correlationId":"([^"]+)"/.exec(String(line)) ?? [];
    if (id?.startsWith(mark)) return id;
  }
  return undefined;
};

/** @param mark begins the correlation ids of the run */
export const exampleTraces = (events: readonly TraceEvent[], mark: string): string[][] =>
  [`${mark}-post`, idIn(events, "order fulfilled", `${mark}-order-`)].flatMap((id) => {
    const tree = id === undefined ? undefined : traceTree(eventsAbout(events, id));
    return id === undefined || tree === undefined ? [] : [[traceHeading(id, tree), ...traceLines(tree)]];
  });
