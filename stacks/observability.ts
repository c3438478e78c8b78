import type { Output } from "@pulumi/pulumi";
import { Alarms } from "../components/alarms.ts";
import { Budget } from "../components/budget.ts";
import { Dashboard } from "../components/dashboard.ts";
import { LogQueries } from "../components/log-queries.ts";
import type { Settings } from "./config.ts";

/** What watches the stack. Created before all else, so that it takes note of everything. */
export interface Observability {
  /** What speaks up; undefined where nothing is to. */
  alarms: Alarms | undefined;
  /** Where everything is to be seen. */
  dashboardUrl: Output<string>;
}

/** The functions' own metrics (functions/shared/metrics.ts), a graph each. */
const TELEMETRY = { namespace: "Telemetry", dimension: "service" } as const;
const FIGURES = [
  { ...TELEMETRY, title: "Readings", metrics: ["readingsAccepted", "readingsQuarantined"] },
  { ...TELEMETRY, title: "Lag until stored, milliseconds", metrics: ["ingestLag"], statistic: "p99" },
  {
    ...TELEMETRY,
    title: "Orders and thumbnails",
    metrics: ["ordersPlaced", "ordersFulfilled", "thumbnails"],
  },
];

/** Alarms, a dashboard and saved queries for every resource of the stack, and a budget; as the environment wants it. */
export function createObservability(settings: Settings): Observability {
  const { alarms: level, alarmEmail, monthlyBudgetDollars: monthlyDollars } = settings;
  const emails = alarmEmail === undefined ? [] : [alarmEmail];
  const alarms = level === "none" ? undefined : new Alarms("alarms", { level, emails });
  const { url: dashboardUrl } = new Dashboard("dashboard", { figures: FIGURES });
  new LogQueries("queries");
  // The topic mails as well: nobody is told twice.
  if (monthlyDollars > 0) new Budget("month", { monthlyDollars, ...(alarms ? { alarms } : { emails }) });
  return { alarms, dashboardUrl };
}
