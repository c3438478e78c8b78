import { mkdtemp, rm } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { Trace } from "../../../local/kit/trace.ts";
import { serveTraces } from "../../../local/traces.ts";
import { runCommand } from "../../helpers/command.ts";

describe("npm run trace", function () {
  this.timeout(30_000);
  let directory: string;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "trace-"));
  });
  after(() => rm(directory, { recursive: true }));

  const refusals: [string, string[], number, RegExp][] = [
    ["no id", [], 2, /^Say which correlation id\. Usage: npm run trace/],
    ["two ids", ["a", "b"], 2, /^Say which correlation id\./],
    ["an id that none can be", ["a b"], 2, /^"a b" is no correlation id: /],
    ["hours that are none", ["a", "--aws", "--hours=-1"], 2, /^--hours is -1; it must be a number above 0/],
    ["an unknown flag", ["a", "--nope"], 2, /--nope.*Usage: npm run trace/],
    ["a system that does not run", ["a"], 1, /^Stack "dev" does not run on this machine\./],
  ];
  for (const [what, args, wanted, sentence] of refusals)
    it(`answers ${what} with one clear sentence`, async () => {
      const { code, stdout, stderr } = await runCommand("ops/trace/main.ts", args, directory);
      expect(stderr).to.match(sentence);
      expect([code, stdout, stderr.trim().split("\n").length]).to.deep.equal([wanted, "", 1]);
    });
});

describe("the runtime's traces", () => {
  it("are told by id, and to nobody but this machine's own callers", async () => {
    const trace = new Trace();
    trace.emit({ kind: "log", requestId: "r", line: '{"correlationId":"a/b ü"}' });
    trace.emit({ kind: "log", requestId: "s", line: '{"correlationId":"other"}' });
    const server = await serveTraces(trace);
    const status = (path: string, headers: Record<string, string> = {}, method = "GET"): Promise<number> =>
      new Promise((resolve, reject) => {
        const options = { port: server.port, host: "127.0.0.1", path, headers, method };
        request(options, (answer) => {
          answer.resume();
          resolve(answer.statusCode ?? 0);
        })
          .once("error", reject)
          .end();
      });
    const answer = await fetch(`${server.url}/traces/${encodeURIComponent("a/b ü")}`);
    expect(
      ((await answer.json()) as { requestId: string }[]).map(({ requestId }) => requestId),
    ).to.deep.equal(["r"]);
    expect(await status("/traces/other", { host: "evil.example" })).to.equal(421);
    expect(await status("/traces/other", { origin: "https://evil.example" })).to.equal(421);
    expect(await status("/traces/other", {}, "POST")).to.equal(404);
    expect(await status("/traces/%ff")).to.equal(404);
    expect(await status("/traces/")).to.equal(404);
    expect(await status("/")).to.equal(404);
    await server.close();
  });

  it("are kept within bounds: the oldest are forgotten first", () => {
    const trace = new Trace({ capacity: 3 });
    for (let at = 0; at < 10; at += 1) trace.emit({ kind: "log", at, line: "" });
    expect(trace.events.map(({ at }) => at)).to.deep.equal([7, 8, 9]);
  });
});
