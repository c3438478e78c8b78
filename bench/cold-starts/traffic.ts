/**
 * What the functions work off while they are measured: the smoke test's own traffic a few times over, then more of what
 * it asks for only once. Routes are called over HTTP, and what only a schedule starts is invoked with its event.
 */
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { Runtime } from "../../local/runtime.ts";
import { parseNormals } from "../../ops/shared/normals.ts";
import type { Target } from "../../ops/shared/target.ts";
import { ApiClient } from "../../ops/smoke/api.ts";
import { failures } from "../../ops/smoke/report.ts";
import { runScenario } from "../../ops/smoke/scenario.ts";
import { PROJECT } from "../shared/system.ts";

const SCENARIOS = 4;
const REQUESTS = 30;
const PATIENCE_MS = 60_000;
const TOO_MANY_REQUESTS = 429;
/** Readings in one `POST /telemetry`. */
const READINGS = 60;
const SCHEDULE = "aws:scheduler/schedule:Schedule";

interface Surroundings {
  runtime: Runtime;
  target: Target;
  progress(text: string): void;
}

/** @throws Error when a figure of the smoke test is wrong: what went wrong took another time */
async function playScenario({ target }: Surroundings, mark: string): Promise<void> {
  const { checks } = await runScenario({
    target,
    normals: parseNormals(await readFile(`${PROJECT}/samples/seattle-weather-hourly-normals.csv`, "utf8")),
    now: Date.now,
    mark,
    sleep: (milliseconds) => sleep(milliseconds),
    random: Math.random,
    onStep: () => {},
    patience: PATIENCE_MS,
  });
  const wrong = failures(checks, []);
  if (wrong.length > 0) throw new Error(`The smoke test fails, so there is nothing to measure: ${wrong[0]}`);
}

/** Calls until the stage's throttle lets it through. @throws Error when the API answers with a failure */
async function request(call: () => Promise<{ status: number }>): Promise<void> {
  for (;;) {
    const { status } = await call();
    if (status < 400) return;
    if (status !== TOO_MANY_REQUESTS) throw new Error(`The API answered ${status}.`);
    await sleep(100);
  }
}

async function callRoutes(api: ApiClient, mark: string): Promise<void> {
  const [read, write] = [await api.token("telemetry.read"), await api.token("telemetry.write")];
  const at = new Date().toISOString();
  const readings = Array.from({ length: READINGS }, (_, index) => ({
    deviceId: `${mark}-${index % 10}`,
    metric: "temperature",
    value: index,
    at,
  }));
  for (let count = 0; count < REQUESTS; count++) {
    await request(() => api.get("/health"));
    await request(() => api.get("/openapi.json"));
    await request(() => api.get("/devices", read));
    await request(() => api.get(`/devices/${mark}`, read));
    await request(() => api.post("/telemetry", readings, write));
  }
}

/** What a schedule's target gets. Source: https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html */
async function fireSchedules({ graph, pool }: Runtime): Promise<void> {
  for (const { outputs } of graph.resources.filter(({ type }) => type === SCHEDULE)) {
    const { arn, input } = outputs.target as { arn: string; input?: string };
    const name = pool.specs().find((spec) => spec.arn === arn)?.name;
    for (let count = 0; name && count < REQUESTS; count++) await pool.invoke(name, input ?? "{}");
  }
}

/** Everything, one after the other. */
export async function play(around: Surroundings): Promise<void> {
  const mark = `baseline-${Date.now().toString(36)}`;
  for (let run = 1; run <= SCENARIOS; run++) {
    around.progress(`  the smoke test, ${run} of ${SCENARIOS}`);
    await playScenario(around, `${mark}-${run}`);
  }
  around.progress("  routes and schedules");
  await callRoutes(new ApiClient(around.target), `${mark}-1`);
  await fireSchedules(around.runtime);
}
