import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { expect } from "chai";
import { deviceIndexPartitions } from "../../functions/shared/keys.ts";
import { plain } from "../../local/engine/graph.ts";
import { Runtime } from "../../local/runtime.ts";
import { ROOT } from "../helpers/source-files.ts";

const EVENT = {
  version: "2.0",
  routeKey: "GET /devices",
  rawPath: "/devices",
  rawQueryString: "",
  headers: {},
  requestContext: { requestId: "r", http: { method: "GET", path: "/devices" } },
  isBase64Encoded: false,
};

/** The program as prod has it, with its real bundles, a fake server on PATH, or none. */
describe("telemetry reads through the cache", function () {
  this.timeout(60_000);
  const { PATH } = process.env;
  let folder: string;
  let runtime: Runtime | undefined;
  let lines: string[];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "cache-reads-"));
    lines = [];
  });
  afterEach(async () => {
    if (PATH === undefined) delete process.env.PATH;
    else process.env.PATH = PATH;
    await runtime?.stop();
    runtime = undefined;
    await rm(folder, { recursive: true });
  });

  const start = async (path: string): Promise<Runtime> => {
    process.env.PATH = path;
    runtime = await Runtime.start({
      directory: ROOT,
      stack: "prod",
      port: 0,
      log: (line) => lines.push(line),
    });
    const table = runtime.graph.resources.find(({ name }) => name === "readings-table");
    const { name: TableName } = plain(table?.outputs ?? {}) as { name: string };
    const Item = { pk: { S: deviceIndexPartitions()[0] ?? "" }, sk: { S: "d1" } };
    await runtime.aws.dynamodb.handle("PutItem", { TableName, Item });
    return runtime;
  };

  const devices = async ({ pool }: Runtime): Promise<unknown> => {
    const name = pool.specs().find((spec) => spec.name.startsWith("api-get-devices-function"))?.name ?? "";
    const { payload } = await pool.invoke(name, JSON.stringify(EVENT));
    return JSON.parse(JSON.parse(String(payload)).body);
  };

  it("logs in over TLS, stores what the table said, and answers the same from it", async function () {
    if (process.platform === "win32") this.skip();
    const commands = join(folder, "commands");
    const server = join(folder, "valkey-server");
    await writeFile(commands, "");
    await writeFile(
      `${server}.mjs`,
      `import { appendFileSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { createRespServer } from "${ROOT}/tests/helpers/resp.ts";
const resp = createRespServer();
resp.commands.push = (command) => appendFileSync("${commands}", command.join(" ") + "\\n");
const [, socket] = /^unixsocket (.*)$/m.exec(readFileSync(process.argv[2], "utf8"));
createServer(resp.serve).listen(socket, () => console.log("* Ready to accept connections unix"));
`,
    );
    await writeFile(server, `#!/bin/sh\nexec "${process.execPath}" "${server}.mjs" "$@"\n`);
    await chmod(server, 0o755);

    const system = await start([folder, PATH].join(delimiter));
    const answers = new Set<string>();
    let log = "";
    // A cold start may pass the deadline while the connection opens: the first reads may not store yet.
    while (!/^set [\s\S]*^get /m.test(log)) {
      answers.add(JSON.stringify(await devices(system)));
      log = await readFile(commands, "utf8");
    }

    expect([...answers]).to.deep.equal(['{"devices":[{"deviceId":"d1"}]}']);
    expect(log).to.match(/^auth serverless-first-prod-reads reads-cache-\w{7}\/\?Action=connect&/);
    expect(log).to.match(/^set reads:1:[\w-]{43} \{"v":1,/m);
    expect(lines).to.deep.equal([]);
  });

  it("answers right where there is no cache on this machine", async () => {
    const system = await start(folder);
    expect(await devices(system)).to.deep.equal({ devices: [{ deviceId: "d1" }] });
    expect(await devices(system)).to.deep.equal({ devices: [{ deviceId: "d1" }] });
    expect(lines).to.deep.equal([
      "Cache reads-cache is down: neither valkey-server nor redis-server is on PATH. Reads go on without it.",
    ]);
  });
});

// Not proven here: how long a read takes; read-cache.test.ts has the deadline by a virtual clock.
