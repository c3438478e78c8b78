import { Alarms } from "../components/alarms.ts";
import type { Settings } from "./config.ts";

/** What watches the stack. Created before all else, so that it takes note of everything. */
export interface Observability {
  /** What speaks up; undefined where nothing is to. */
  alarms: Alarms | undefined;
}

/** Alarms for every resource of the stack, as far as the environment wants them. */
export function createObservability({ alarms: level, alarmEmail }: Settings): Observability {
  const emails = alarmEmail === undefined ? [] : [alarmEmail];
  const alarms = level === "none" ? undefined : new Alarms("alarms", { level, emails });
  return { alarms };
}
