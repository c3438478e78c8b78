/** One contestant of the Kinesis benchmark in a process of its own: prints its port, ends with its standard input. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { startEndpoint } from "../../local/services/endpoint.ts";
import { Kinesis } from "../../local/services/kinesis.ts";
import { importPeer } from "../shared/peers.ts";
import { SHARDS, STREAM } from "./settings.ts";

const listen = (server: Server): Promise<number> =>
  new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });

/** The local runtime's own: validation, shards and retention as in the real thing, behind its endpoint. */
async function own(): Promise<number> {
  const kinesis = new Kinesis({ region: "us-east-1", account: "000000000000", clock: { now: Date.now } });
  kinesis.createStream({ name: STREAM, shardCount: SHARDS });
  return (await startEndpoint({ port: 0, json: [kinesis] })).port;
}

/** The emulator from npm, in memory, without its artificial delays. */
async function kinesalite(): Promise<number> {
  const peer = await importPeer<{ default: (options: object) => Server }>("kinesalite");
  if (!peer) throw new Error("kinesalite is not installed: npm ci --prefix bench");
  return listen(peer.default({ createStreamMs: 0, deleteStreamMs: 0, updateStreamMs: 0, shardLimit: 10 }));
}

/** What any server must do at least: take the body, parse it, keep the records, number them. */
function floor(): Promise<number> {
  const kept: unknown[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      const { Records = [] } = JSON.parse(Buffer.concat(chunks).toString()) as { Records?: unknown[] };
      if (kept.length > 1_000_000) kept.length = 0;
      kept.push(...Records);
      const results = Records.map((_, index) => ({
        SequenceNumber: String(kept.length + index),
        ShardId: "shardId-000000000000",
      }));
      response.setHeader("content-type", "application/x-amz-json-1.1");
      response.end(JSON.stringify({ FailedRecordCount: 0, Records: results }));
    });
  });
  return listen(server);
}

const contestants: Record<string, () => Promise<number>> = { own, kinesalite, floor };
const start = contestants[process.argv[2] ?? ""];
if (!start) throw new Error(`Unknown contestant "${process.argv[2]}".`);
console.log(await start());
process.stdin.resume().once("end", () => process.exit(0));
