/** A request that was answered, for the figures and traces of its API. Pure. */
import { type Exchange, stageName } from "./exchange.ts";
import type { GatewayResponse } from "./response.ts";

export interface Answered {
  stage: string;
  /** Whether the stage has its figures told by route. */
  detailed: boolean;
  routeKey: string | undefined;
  method: string;
  path: string;
  status: number;
  latencyMs: number;
  /** Undefined when no function was asked. */
  integrationLatencyMs: number | undefined;
  /** X-Ray's tracing header. */
  traceId: string;
}

export const answered = (exchange: Exchange, { status }: GatewayResponse, latencyMs: number): Answered => ({
  stage: stageName(exchange),
  detailed: exchange.stage?.model.detailedMetrics ?? false,
  routeKey: exchange.route?.routeKey,
  method: exchange.method,
  path: exchange.target?.path ?? "-",
  status,
  latencyMs,
  integrationLatencyMs: exchange.log.integrationLatency as number | undefined,
  traceId: exchange.traceId,
});
