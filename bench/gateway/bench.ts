/**
 * What the local gateway adds to a request: an HTTP call through it, by a client that keeps its connection, beside the
 * bare invocation of the same function with the very event that the gateway makes of it.
 *
 * Client, gateway and pool share one process, so that the two differ in nothing else; the function has its own. The
 * requests go one at a time and in turns. A bare HTTP server in the same process shows what HTTP alone costs here.
 */
import { once } from "node:events";
import { Agent, createServer, type RequestOptions, request } from "node:http";
import type { AddressInfo } from "node:net";
import type { LambdaPool } from "../../local/lambda/pool.ts";
import type { InvokeResult } from "../../local/lambda/results.ts";
import { ApiClient } from "../../ops/smoke/api.ts";
import { type Bench, type BenchReport, type Figure, type Harness, median } from "../shared/harness.ts";
import { type System, withSystem } from "../shared/system.ts";

const GATEWAY = "through the gateway";
const INVOKE = "bare invocation";
const HTTP = "bare HTTP server";
const ROUNDS = 1_000;
const WARM_UP = 300;
const TARGET_MS = 1;
const DEVICE = "bench-device";
const STORED_WITHIN_MS = 20_000;

/** One GET over a kept connection; rejects unless it is answered with 200. */
function get(options: RequestOptions): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const sent = request(options, (response) => {
    const chunks: Buffer[] = [];
    response.on("data", (chunk: Buffer) => chunks.push(chunk));
    response.on("end", () => {
      const body = Buffer.concat(chunks).toString();
      if (response.statusCode === 200) resolve(body);
      else reject(new Error(`${options.path} answered ${response.statusCode}: ${body}`));
    });
  });
  sent.on("error", reject);
  sent.end();
  return promise;
}

interface Event {
  functionName: string;
  payload: string;
}

/** What the gateway gives to the pool while `act` runs. */
async function recordEvent(pool: LambdaPool, act: () => Promise<unknown>): Promise<Event> {
  const invoke = pool.invoke;
  let event: Event | undefined;
  pool.invoke = (functionName, payload, options): Promise<InvokeResult> => {
    event = { functionName, payload: String(payload) };
    return invoke.call(pool, functionName, payload, options);
  };
  try {
    await act();
  } finally {
    pool.invoke = invoke;
  }
  if (event === undefined) throw new Error("The gateway invoked no function.");
  return event;
}

async function invokeBare(pool: LambdaPool, { functionName, payload }: Event): Promise<void> {
  const { status, payload: answer } = await pool.invoke(functionName, payload);
  if (status !== "ok") throw new Error(`${functionName} failed: ${answer}`);
}

interface Route {
  name: string;
  path: string;
  token?: string;
}

async function measure(harness: Harness, { runtime, target }: System, route: Route): Promise<Figure[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const headers = route.token === undefined ? {} : { authorization: `Bearer ${route.token}` };
  const api = new URL(target.resolve(target.outputs.apiUrl));
  const throughGateway = () => get({ agent, host: api.hostname, port: api.port, path: route.path, headers });
  const body = await throughGateway();
  const event = await recordEvent(runtime.pool, throughGateway);
  const server = createServer((_, response) => response.end(body)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  try {
    const times = await harness.paired({
      contestants: {
        [GATEWAY]: throughGateway,
        [INVOKE]: () => invokeBare(runtime.pool, event),
        [HTTP]: () => get({ agent, host: "127.0.0.1", port, path: route.path, headers }),
      },
      rounds: ROUNDS,
      warmUp: WARM_UP,
    });
    const [gateway = [], invoke = []] = [times.samples[GATEWAY], times.samples[INVOKE]];
    const added = gateway.map((time, round) => time - (invoke[round] ?? Number.NaN));
    return [
      ...[GATEWAY, INVOKE, HTTP].map((name) => ({
        name: `${route.name}: ${name}, p50`,
        value: times.median(name),
        unit: "ms",
      })),
      {
        name: `${route.name}: added by the gateway, p50`,
        value: median(added),
        unit: "ms",
        target: { at: "most", value: TARGET_MS },
      },
    ];
  } finally {
    agent.destroy();
    server.close();
  }
}

/** A reading in the table, so that the device's route has something to answer. */
async function seed({ runtime, target }: System): Promise<string> {
  const client = new ApiClient(target);
  const token = await client.token("telemetry.write", "telemetry.read");
  const reading = { deviceId: DEVICE, metric: "temperature", value: 21.5, at: new Date().toISOString() };
  const stored = runtime.trace.waitFor(
    ({ kind, outcome, functionName }) =>
      kind === "batch" && outcome === "ok" && String(functionName).startsWith("telemetry-aggregate"),
    { timeoutMs: STORED_WITHIN_MS },
  );
  const { status, body } = await client.post("/telemetry", [reading], token);
  if (status !== 202) throw new Error(`POST /telemetry answered ${status}: ${JSON.stringify(body)}`);
  await stored;
  return token;
}

function run(harness: Harness): Promise<BenchReport> {
  return withSystem(async (system) => {
    const token = await seed(system);
    const health = await measure(harness, system, { name: "GET /health", path: "/health" });
    const device = await measure(harness, system, {
      name: "GET /devices/{deviceId}",
      path: `/devices/${DEVICE}`,
      token,
    });
    return { figures: [...health, ...device] };
  });
}

export const bench: Bench = { name: "gateway", run };
