/**
 * A serverless cache's endpoint on this machine: TLS on a loopback port, and behind it the Unix socket of a Valkey or
 * Redis. Without one, connections are closed at once, which is how a cache that is down looks to its clients.
 */
import { createConnection, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { type LoopbackServer, listen } from "../kit/server.ts";
import type { Certificate } from "./certificate.ts";

/** Connections at a time; an environment holds one. */
const MAX_CONNECTIONS = 4_096;

const couple = (client: Socket, backend: Socket): void => {
  const end = (): void => {
    client.destroy();
    backend.destroy();
  };
  for (const socket of [client, backend]) socket.on("error", end).on("close", end);
  client.pipe(backend).pipe(client);
};

/** @param backend the socket to hand connections to, as long as there is one */
export function startCacheServer(
  certificate: Certificate,
  backend: () => string | undefined,
): Promise<LoopbackServer> {
  const server: Server = createTlsServer(certificate, (client) => {
    const path = backend();
    if (path === undefined) client.destroy();
    else couple(client, createConnection(path));
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.on("tlsClientError", (_error: Error, client: Socket) => client.destroy());
  return listen(server, 0);
}
