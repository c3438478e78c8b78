/**
 * One port that speaks HTTP/1.1 and HTTP/2 cleartext with prior knowledge, told apart by the connection's first
 * bytes: the default Kinesis client speaks HTTP/2, every other client and curl HTTP/1.1.
 * Source: https://www.rfc-editor.org/rfc/rfc9113#name-http-2-connection-preface
 */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import {
  createServer as createHttp2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from "node:http2";
import { createServer as createTcpServer, type Server, type Socket } from "node:net";

export type Request = IncomingMessage | Http2ServerRequest;
export type Response = ServerResponse | Http2ServerResponse;
export type Handler = (request: Request, response: Response) => void;

const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
/** How long a connection may stay silent before its first complete request line, in milliseconds. */
const FIRST_BYTES_MS = 60_000;
/** Flow-control windows. The protocol's 64 KiB default stalls a 165 KB PutRecords several times. */
const STREAM_WINDOW = 8 * 1024 * 1024;
const SESSION_WINDOW = 32 * 1024 * 1024;

export type Protocol = "http1" | "http2" | "undecided";

/** What a connection speaks, judged by the bytes seen so far. Undecided while they are a true part of the preface. */
export const protocolOf = (bytes: Buffer): Protocol => {
  const length = Math.min(bytes.length, PREFACE.length);
  if (!bytes.subarray(0, length).equals(PREFACE.subarray(0, length))) return "http1";
  return length === PREFACE.length ? "http2" : "undecided";
};

const ignore = (): void => {};

/** Waits for enough bytes, puts them back, and hands the socket over. A client that leaves first costs nothing. */
const sniff = (socket: Socket, handOver: (protocol: "http1" | "http2") => void): void => {
  let seen: Buffer = Buffer.alloc(0);
  const giveUp = () => socket.destroy();
  const look = () => {
    const chunk: Buffer | null = socket.read();
    if (chunk === null) return;
    seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
    const protocol = protocolOf(seen);
    if (protocol === "undecided") return;
    socket.off("readable", look);
    socket.off("end", giveUp);
    socket.off("timeout", giveUp);
    socket.setTimeout(0);
    socket.unshift(seen);
    handOver(protocol);
  };
  socket.setTimeout(FIRST_BYTES_MS);
  socket.on("timeout", giveUp);
  socket.on("end", giveUp);
  socket.on("readable", look);
};

/** A TCP server; let it listen with `listen` of kit/server.ts. */
export const createDualServer = (handler: Handler): Server => {
  const http1 = createServer({ keepAliveTimeout: 65_000, requestTimeout: 0 }, handler);
  const http2 = createHttp2Server(
    { settings: { maxConcurrentStreams: 1_000, initialWindowSize: STREAM_WINDOW } },
    handler,
  );
  http2.on("session", (session) => {
    session.setLocalWindowSize(SESSION_WINDOW);
    session.on("error", ignore);
  });
  http2.on("sessionError", ignore);
  return createTcpServer({ noDelay: true }, (socket) => {
    socket.on("error", ignore);
    sniff(socket, (protocol) => (protocol === "http2" ? http2 : http1).emit("connection", socket));
  });
};
