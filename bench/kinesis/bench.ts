/**
 * Records a second through PutRecords: 200 bytes each, 500 a call, 4 shards, retention on, from a client in a process
 * of its own. Beside kinesalite from npm and a bare in-memory server, under the same client and transport (HTTP/1.1,
 * the only one that all three speak), and over HTTP/2, the default client's transport.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { type Bench, type BenchReport, type Harness, median } from "../shared/harness.ts";
import { INSTALL_PEERS, importPeer } from "../shared/peers.ts";
import type { Round } from "./settings.ts";

const TARGET = 100_000;
const ROUNDS = 7;
/** A slow contestant gets fewer calls, so that every round takes about a second. */
const CALLS = { own: 150, floor: 150, kinesalite: 20 } as const;
type Name = keyof typeof CALLS;

interface Pair {
  play(round: Round): Promise<number>;
  stop(): void;
}

function start(file: string, ...args: string[]): { child: ChildProcess; next(): Promise<string> } {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const child = spawn(process.execPath, [path, ...args], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<string> => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`${file} ${args.join(" ")} ended early.`);
    return value;
  };
  return { child, next };
}

/** A server and its client, both in processes of their own. */
async function startPair(name: Name): Promise<Pair> {
  const server = start("server.ts", name);
  const client = start("client.ts", `http://127.0.0.1:${await server.next()}`, name);
  await client.next();
  return {
    play: async (round) => {
      client.child.stdin?.write(`${JSON.stringify(round)}\n`);
      return Number(await client.next());
    },
    stop: () => {
      client.child.kill();
      server.child.kill();
    },
  };
}

interface Speeds {
  h2: number[];
  own: number[];
  floor: number[];
  kinesalite: number[];
}

async function measure(pairs: Record<Name, Pair>, harness: Harness): Promise<Speeds> {
  const speeds: Speeds = { h2: [], own: [], floor: [], kinesalite: [] };
  for (let round = 0; round <= ROUNDS; round += 1) {
    harness.progress(`  round ${round} of ${ROUNDS}`);
    const results: [keyof Speeds, number][] = [
      ["h2", await pairs.own.play({ transport: "h2", calls: CALLS.own })],
      ["own", await pairs.own.play({ transport: "h1", calls: CALLS.own })],
      ["floor", await pairs.floor.play({ transport: "h1", calls: CALLS.floor })],
      ["kinesalite", await pairs.kinesalite.play({ transport: "h1", calls: CALLS.kinesalite })],
    ];
    // The first round warms the compilers up.
    if (round > 0) for (const [name, speed] of results) speeds[name].push(speed);
  }
  return speeds;
}

const ratio = (a: number[], b: number[]): number =>
  median(a.map((speed, round) => speed / (b[round] ?? speed)));

async function run(harness: Harness): Promise<BenchReport> {
  if (!(await importPeer("kinesalite"))) return { figures: [], skipped: INSTALL_PEERS };
  const names = Object.keys(CALLS) as Name[];
  const started = await Promise.all(names.map(async (name) => [name, await startPair(name)] as const));
  const pairs = Object.fromEntries(started) as Record<Name, Pair>;
  try {
    const speeds = await measure(pairs, harness);
    return {
      figures: [
        {
          name: "PutRecords, default client (HTTP/2)",
          value: median(speeds.h2),
          unit: "records/s",
          target: { at: "least", value: TARGET },
        },
        { name: "PutRecords, HTTP/1.1", value: median(speeds.own), unit: "records/s" },
        { name: "beside kinesalite, HTTP/1.1", value: ratio(speeds.own, speeds.kinesalite), unit: "x" },
        {
          name: "beside a bare in-memory server, HTTP/1.1",
          value: ratio(speeds.own, speeds.floor),
          unit: "x",
        },
      ],
    };
  } finally {
    for (const pair of Object.values(pairs)) pair.stop();
  }
}

export const bench: Bench = { name: "kinesis", run };
