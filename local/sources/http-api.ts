/**
 * HTTP APIs on this machine: each one on a loopback port of its own, with its routes, authorizers, throttles, CORS,
 * limits and access log as on AWS.
 *
 * Differs from AWS: plain HTTP/1.1 instead of TLS; throttles are per API, the account's shared limit is not counted.
 * Events carry the AWS host name and port 443, so a function cannot tell.
 */

import { createServer } from "node:http";
import type { ResourceNode } from "../engine/graph.ts";
import { listen } from "../kit/server.ts";
import { traceRoot } from "../kit/trace-header.ts";
import { type AccessLogEntry, Gateway } from "./http-api/gateway.ts";
import { readJsonFrom } from "./http-api/jwt.ts";
import { readApi } from "./http-api/model.ts";
import type { RunningSource, Source, SourceContext } from "./source.ts";

/** As AWS keeps idle connections. */
const KEEP_ALIVE_MS = 60_000;
/** Above the gateway's own limit, so that the gateway and not Node answers what is too large. */
const NODE_HEADER_BYTES = 64 * 1_024;

const createGateway = (
  node: ResourceNode,
  context: SourceContext,
): { gateway: Gateway; domainName: string } => {
  const api = readApi(node, context.graph);
  const writeLog = (entry: AccessLogEntry): void => {
    const at = context.clock.now();
    context.trace.emit({ kind: "access-log", at, api: api.name, ...entry });
    context.services.logs.append(entry.logGroup, api.id, [{ timestamp: at, message: entry.line }]);
  };
  const gateway = new Gateway(api, {
    clock: context.clock,
    random: () => context.random(),
    invoke: ({ functionName, functionArn: invokedFunctionArn }, payload, traceId) =>
      context.pool.invoke(functionName, payload, { invokedFunctionArn, traceId }),
    readJson: readJsonFrom((url) => context.resolveHost(url)),
    writeLog,
    onAnswer: ({ traceId, ...answered }) =>
      context.trace.emit({
        kind: "request",
        api: api.name,
        apiId: api.id,
        ...answered,
        traceId: traceRoot(traceId),
      }),
  });
  return { gateway, domainName: api.domainName };
};

const start = async (node: ResourceNode, context: SourceContext): Promise<RunningSource> => {
  const { gateway, domainName } = createGateway(node, context);
  const inFlight = { count: 0 };
  const server = createServer(
    { keepAliveTimeout: KEEP_ALIVE_MS, maxHeaderSize: NODE_HEADER_BYTES },
    (request, response) => {
      inFlight.count += 1;
      response.once("close", () => {
        inFlight.count -= 1;
      });
      gateway.handle(request, response).catch(() => response.destroy());
    },
  );
  const listening = await listen(server, context.ports.next(), { busy: () => inFlight.count > 0 });
  return {
    name: node.name,
    url: listening.url,
    hosts: [domainName],
    stop: () => listening.close(),
  };
};

export const source: Source = {
  types: ["aws:apigatewayv2/api:Api"],
  family: ["aws:apigatewayv2/", "aws:lambda/permission:"],
  start,
};
