/** A small Valkey: AUTH, GET and SET in RESP2, and every way to misbehave. */
import type { Socket } from "node:net";

export interface RespServer {
  values: Map<string, string>;
  /** Every command that came, e.g. `["get", "k"]`. */
  commands: string[][];
  /** What becomes of a GET or SET from now on. */
  mode: "answer" | "hang" | "drop" | "full";
  /** Whether a login is refused. */
  locked: boolean;
  serve(socket: Socket): void;
}

const bulk = (text: string): string => `$${Buffer.byteLength(text)}\r\n${text}\r\n`;

/** Commands out of a byte stream: arrays of bulk strings, as clients send them. */
function take(buffer: string): { command: string[]; rest: string } | undefined {
  const lines = buffer.split("\r\n");
  const count = Number(lines[0]?.slice(1));
  if (buffer === "" || lines.length < count * 2 + 2) return undefined;
  const command = Array.from({ length: count }, (_, index) => lines[index * 2 + 2] ?? "");
  return { command, rest: lines.slice(count * 2 + 1).join("\r\n") };
}

export function createRespServer(): RespServer {
  const server: RespServer = {
    values: new Map(),
    commands: [],
    mode: "answer",
    locked: false,
    serve: (socket) => {
      let buffer = "";
      socket.on("error", () => {});
      socket.setEncoding("utf8").on("data", (text: string) => {
        buffer += text;
        for (let next = take(buffer); next; next = take(buffer)) {
          buffer = next.rest;
          server.commands.push(next.command);
          answer(server, socket, next.command);
        }
      });
    },
  };
  return server;
}

function answer(server: RespServer, socket: Socket, [name = "", key = "", value = ""]: string[]): void {
  const verb = name.toLowerCase();
  if (verb === "auth") {
    socket.write(server.locked ? "-WRONGPASS invalid username-password pair\r\n" : "+OK\r\n");
    return;
  }
  if (server.mode === "hang") return;
  if (server.mode === "drop") {
    socket.end("$100\r\nhalf of a");
    return;
  }
  if (verb === "get") {
    const found = server.values.get(key);
    socket.write(found === undefined ? "$-1\r\n" : bulk(found));
    return;
  }
  if (server.mode === "full") {
    socket.write("-OOM command not allowed when used memory > 'maxmemory'.\r\n");
    return;
  }
  server.values.set(key, value);
  socket.write("+OK\r\n");
}
