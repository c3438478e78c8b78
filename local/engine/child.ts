/** One child process whose output is read line by line and which never outlives its parent. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { stripVTControlCharacters } from "node:util";

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface Child {
  /** Resolves when the process is gone and its output has been read. Rejects when it cannot be started. */
  ended: Promise<Exit>;
  /** What it last wrote to its error stream. */
  lastWords(): string;
  /** Ends it at once and waits until it is gone. Harmless when it is gone already. */
  kill(): Promise<void>;
}

/** Takes what the process writes, line by line, without colours. */
export interface LineSink {
  output(line: string): void;
  error(line: string): void;
}

/** Longest line that is passed on, in characters; the rest of it is cut. */
const MAX_LINE = 10_000;
const KEPT_LINES = 40;

/** Starts `node` with these arguments and nothing else in its environment than what is given. */
export const startChild = (args: string[], environment: Record<string, string>, sink: LineSink): Child => {
  const spawned = spawn(process.execPath, args, {
    env: environment,
    stdio: ["ignore", "pipe", "pipe", "pipe"],
  });
  const kept: string[] = [];
  onLines(spawned.stdout, (line) => sink.output(line));
  onLines(spawned.stderr, (message) => {
    kept.push(message);
    if (kept.length > KEPT_LINES) kept.shift();
    sink.error(message);
  });
  // The other end of the lifeline (preload.ts) vanishes with the process: that is no error.
  spawned.stdio[3]?.on("error", () => undefined);
  const ended = waitForEnd(spawned);
  const kill = () => spawned.kill("SIGKILL");
  process.once("exit", kill);
  const gone = ended.then(
    () => undefined,
    () => undefined,
  );
  void gone.then(() => process.off("exit", kill));
  return {
    ended,
    lastWords: () => kept.join("\n"),
    kill: async () => {
      kill();
      await gone;
    },
  };
};

/** Output may outlive the process by a moment, or for ever when a process of its own holds the pipe. */
const DRAIN_MS = 1_000;

const waitForEnd = async (child: ChildProcess): Promise<Exit> => {
  const closed = once(child, "close");
  const [code, signal] = (await once(child, "exit")) as [Exit["code"], Exit["signal"]];
  const timer = setTimeout(() => {
    child.stdout?.destroy();
    child.stderr?.destroy();
  }, DRAIN_MS);
  await closed;
  clearTimeout(timer);
  return { code, signal };
};

const onLines = (stream: Readable | null, onLine: (line: string) => void): void => {
  if (!stream) return;
  const lines = createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY });
  lines.on("line", (line) => onLine(stripVTControlCharacters(line.slice(0, MAX_LINE))));
};
