/**
 * What every loopback server of the runtime shares: listening on 127.0.0.1 only, ending at once although clients
 * keep their connections open, and reading a body within a bound.
 */

import { once } from "node:events";
import type { Server, Socket } from "node:net";
import type { Readable } from "node:stream";

/** Bytes of a refused body that are still read and thrown away, so that the client gets to see the answer. */
const DISCARD_LIMIT = 64 * 1024 * 1024;
/** How long `close` lets requests in flight finish, in milliseconds. */
const GRACE_MS = 300;

export interface LoopbackServer {
  /** The port it listens on; the one the system chose when 0 was asked for. */
  readonly port: number;
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  /**
   * Stops accepting, lets requests in flight finish for at most `graceMs` (default 300 ms), then drops every
   * connection. Resolves well within a second whatever clients do; a second call waits for the first.
   */
  close(graceMs?: number): Promise<void>;
}

/** A request body longer than its bound. */
export class BodyTooLargeError extends Error {
  override readonly name = "BodyTooLargeError";
  /** The bound, in bytes. */
  readonly limit: number;

  constructor(limit: number) {
    super(`The request body is larger than ${limit} bytes.`);
    this.limit = limit;
  }
}

const listenError = (error: NodeJS.ErrnoException, port: number): Error => {
  if (error.code === "EADDRINUSE") {
    return new Error(
      `Port ${port} on 127.0.0.1 is in use. Stop the program that holds it, or choose another port with --port.`,
      { cause: error },
    );
  }
  if (error.code === "EACCES") {
    return new Error(`Port ${port} on 127.0.0.1 may not be opened by this user. Choose one above 1023.`, {
      cause: error,
    });
  }
  return error;
};

const bind = (server: Server, port: number): Promise<number> =>
  new Promise((resolve, reject) => {
    const fail = (error: Error) => reject(listenError(error, port));
    server.once("error", fail);
    server.listen({ port, host: "127.0.0.1" }, () => {
      server.off("error", fail);
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : port);
    });
  });

/**
 * Listens on 127.0.0.1. Pass port 0 for any free port.
 *
 * @param server An `http.Server`, or a `net.Server` that hands its sockets to one.
 * @param options.busy Whether requests are in flight; asked on close. Default: never, so close drops at once.
 * @throws Error naming the port and the cure when it is taken or not allowed.
 */
export const listen = async (
  server: Server,
  port: number,
  options: { busy?: () => boolean } = {},
): Promise<LoopbackServer> => {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  const bound = await bind(server, port);
  const stop = async (graceMs: number): Promise<void> => {
    const closed = once(server, "close");
    server.close();
    await untilIdle(options.busy ?? (() => false), graceMs);
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  let closing: Promise<void> | undefined;
  return {
    port: bound,
    url: `http://127.0.0.1:${bound}`,
    close: (graceMs = GRACE_MS) => {
      closing ??= stop(graceMs);
      return closing;
    },
  };
};

const untilIdle = async (busy: () => boolean, graceMs: number): Promise<void> => {
  const step = 10;
  for (let waited = 0; busy() && waited < graceMs; waited += step) {
    await new Promise((resolve) => setTimeout(resolve, step));
  }
};

/**
 * The whole body.
 *
 * @param limit Most bytes accepted.
 * @throws BodyTooLargeError when it is longer; the rest is then read and thrown away, up to 64 MiB, so that the
 * caller's answer reaches the client. Any other error: the client went away.
 */
export const readBody = (request: Readable, limit: number): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    request.on("data", (chunk: Buffer) => {
      length += chunk.length;
      if (length <= limit) {
        chunks.push(chunk);
        return;
      }
      chunks.length = 0;
      reject(new BodyTooLargeError(limit));
      if (length > limit + DISCARD_LIMIT) request.destroy();
    });
    request.once("end", () => resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)));
    request.once("error", reject);
    request.once("close", () => {
      if (request.readableEnded) return;
      reject(new Error("The client closed the connection before its request was complete."));
    });
  });
