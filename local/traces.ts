/**
 * Traces for the commands of other terminals: `GET /traces/<correlation id>` on a loopback port of its own answers what
 * the runtime still knows of that id, as a list of trace events.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type LoopbackServer, listen } from "./kit/server.ts";
import type { TraceEvent } from "./kit/trace.ts";
import { eventsAbout } from "./kit/trace-selection.ts";
import { isKnownHost, isKnownOrigin } from "./services/wire.ts";

const PATH = /^\/traces\/([^/?]{1,1024})$/;

/** Web pages of other machines reach a loopback port through the user's browser. */
const isStranger = ({ headers: { host, origin } }: IncomingMessage): boolean =>
  (host !== undefined && !isKnownHost(host)) || (origin !== undefined && !isKnownOrigin(origin));

const decode = (text: string): string | undefined => {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
};

const answer = (request: IncomingMessage, response: ServerResponse, events: () => TraceEvent[]): void => {
  const id = decode(PATH.exec(request.url ?? "")?.[1] ?? "");
  if (isStranger(request)) response.writeHead(421).end();
  else if (request.method !== "GET" || !id) response.writeHead(404).end();
  else
    response
      .writeHead(200, { "content-type": "application/json" })
      .end(JSON.stringify(eventsAbout(events(), id)));
};

/** Listens on any free port. */
export const serveTraces = (trace: { readonly events: TraceEvent[] }): Promise<LoopbackServer> =>
  listen(
    createServer((request, response) => {
      request.resume();
      answer(request, response, () => trace.events);
    }),
    0,
  );
