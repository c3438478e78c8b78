/** Which alarms a run has set off, and which it may. Pure. */
import type { TraceEvent } from "../../local/kit/trace.ts";
import { type Check, check } from "../smoke/checks.ts";

/** Logical names of the alarms that went off, once each. */
export const raisedBy = (events: readonly TraceEvent[]): string[] => [
  ...new Set(
    events.flatMap(({ kind, to, resource }) =>
      kind === "alarm" && to === "ALARM" ? [String(resource)] : [],
    ),
  ),
];

/** The environment that dies on purpose fails one invocation of its function: its errors are explained, nothing else. */
export const alarmChecks = (raised: readonly string[], victim: string): Check[] => {
  const isExplained = (name: string): boolean => name.includes(victim) && name.endsWith("-errors");
  const others = raised.filter((name) => !isExplained(name));
  return [
    check("alarms that went off unexplained", "none", others.length === 0 ? "none" : others.join(", ")),
  ];
};
