/** What of everything that happened belongs to one correlation id. Pure. */
import type { TraceEvent } from "./trace.ts";

/** Carriers between functions: they are few, and which of them count shows when the trace is put together. */
const CARRIERS = new Set(["event", "notification"]);

/** Whether a function's line is about the id, alone or among the batch's. */
export const namesId = (line: unknown, id: string): boolean => {
  const text = String(line);
  if (!text.startsWith("{") || !text.includes(id)) return false;
  try {
    const { correlationId, correlationIds } = JSON.parse(text) as Record<string, unknown>;
    return correlationId === id || (Array.isArray(correlationIds) && correlationIds.includes(id));
  } catch {
    return false;
  }
};

/**
 * The lines that name the id, the invocations that wrote them, what started those, and what they called: enough to
 * tell its way. Empty when no line names it.
 */
export const eventsAbout = (events: readonly TraceEvent[], id: string): TraceEvent[] => {
  const lines = new Set(events.filter(({ kind, line }) => kind === "log" && namesId(line, id)));
  const requestIds = new Set([...lines].map(({ requestId }) => requestId));
  if (lines.size === 0) return [];
  const traceIds = new Set(
    events.flatMap(({ kind, requestId, traceId }) =>
      kind === "invocation" && requestIds.has(requestId) && traceId !== undefined ? [traceId] : [],
    ),
  );
  const belongs = (event: TraceEvent): boolean => {
    if (event.kind === "log") return lines.has(event);
    if (event.kind === "invocation" || event.kind === "batch") return requestIds.has(event.requestId);
    if (event.kind === "request" || event.kind === "aws") return traceIds.has(event.traceId ?? null);
    return CARRIERS.has(event.kind);
  };
  return events.filter(belongs);
};
