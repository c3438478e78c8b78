import { execFile } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import { Caches } from "../../local/caches.ts";
import { VirtualClock } from "../../local/kit/clock.ts";
import { cacheConfiguration, findCacheProgram } from "../../local/services/cache-process.ts";
import { graphOf, resourceNode } from "../helpers/graph.ts";
import { ROOT } from "../helpers/source-files.ts";

const CACHE = resourceNode("aws:elasticache/serverlessCache:ServerlessCache", "reads-cache", {
  outputs: {
    name: "reads-cache-1",
    userGroupId: "g",
    endpoints: [{ address: "reads.serverless.use1.cache.amazonaws.com", port: 6379 }],
  },
});
const GROUP = resourceNode("aws:elasticache/userGroup:UserGroup", "users", {
  outputs: { userGroupId: "g", userIds: ["reader"] },
});
const USER = resourceNode("aws:elasticache/user:User", "user", {
  outputs: { userId: "reader", userName: "reader", accessString: "on ~* -@all +get +set" },
});
const STRANGER = resourceNode("aws:elasticache/user:User", "stranger", {
  outputs: { userId: "stranger", userName: "stranger", accessString: "on ~* +@all" },
});
const GRAPH = graphOf(CACHE, GROUP, USER, STRANGER);
const VARIABLES = {
  CAPTURE_URL: '"rediss://reader@reads.serverless.use1.cache.amazonaws.com:6379/reads-cache-1"',
  OTHER: "x",
};

/** Reads a key that it has written, in a process of its own, as a function's environment does. */
const CLIENT = `
import { connectValkey } from "${ROOT}/functions/shared/cache.ts";
const cache = await connectValkey(JSON.parse(process.env.CAPTURE_URL));
await cache.set("k", "v", 1000);
console.log(await cache.get("k"));
cache.close();
`;

describe("local/caches", function () {
  this.timeout(20_000);
  let folder: string;
  let lines: string[];
  let running: Caches[];
  const waiters: (() => void)[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "caches-test-"));
    lines = [];
    running = [];
  });
  afterEach(async () => {
    await Promise.all(running.map((caches) => caches.stop()));
    await rm(folder, { recursive: true });
  });

  const start = async (path: string, clock = new VirtualClock()) => {
    const log = (line: string): void => {
      lines.push(line);
      for (const wake of waiters.splice(0)) wake();
    };
    const caches = new Caches({ clock, path, log });
    running.push(caches);
    const undo = await caches.appliers()[CACHE.type]?.create(CACHE, GRAPH);
    return { caches, undo };
  };

  /** An executable of this name that runs this module. */
  const install = async (name: string, code: string): Promise<void> => {
    const file = join(folder, name);
    await writeFile(`${file}.mjs`, code);
    await writeFile(file, `#!/bin/sh\nexec "${process.execPath}" "${file}.mjs" "$@"\n`);
    await chmod(file, 0o755);
  };
  const SERVER = `
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { createRespServer } from "${ROOT}/tests/helpers/resp.ts";
const config = readFileSync(process.argv[2], "utf8");
const resp = createRespServer();
createServer((socket) => {
  socket.on("data", (data) => String(data).includes("END") && process.exit(3));
  resp.serve(socket);
}).listen(/^unixsocket (.*)$/m.exec(config)[1], () => console.log("* Ready to accept connections unix"));
`;

  /** What the loopback port does with a connection that is not TLS, or that nobody stands behind: it ends. */
  const portOf = (caches: Caches): number =>
    Number(/127\.0\.0\.1:(\d+)/.exec(caches.localise(VARIABLES).CAPTURE_URL ?? "")?.[1]);

  it("starts the server on PATH, and a function's process reads and writes through TLS with the CA it is given", async function () {
    if (process.platform === "win32") this.skip();
    await install("redis-server", SERVER);
    const { caches, undo } = await start(folder);
    const environment = caches.localise(VARIABLES);
    expect(environment.OTHER).to.equal("x");
    expect(environment.CAPTURE_URL).to.match(/^"rediss:\/\/reader@127\.0\.0\.1:\d+\/reads-cache-1"$/);

    const options = { env: { ...process.env, ...environment, AWS_REGION: "us-east-1" } };
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ["--input-type=module", "-e", CLIENT],
      options,
    );
    expect(stdout).to.equal("v\n");
    expect(lines).to.deep.equal([]);

    await undo?.();
    expect(caches.localise(VARIABLES)).to.deep.equal(VARIABLES);
  });

  it("says that it is down, and ends every connection, where no program is on PATH", async () => {
    await mkdir(join(folder, "empty"));
    const { caches } = await start(join(folder, "empty"));
    expect(lines).to.deep.equal([
      "Cache reads-cache is down: neither valkey-server nor redis-server is on PATH. Reads go on without it.",
    ]);
    const socket = connect(portOf(caches), "127.0.0.1");
    socket.on("error", () => {});
    socket.end("not TLS\r\n");
    socket.resume();
    await once(socket, "close");
  });

  it("is down, and the runtime goes on, when the program ends while starting", async function () {
    if (process.platform === "win32") this.skip();
    await install("valkey-server", "process.exit(7)");
    const { caches } = await start(folder);
    expect(lines.join()).to.match(/is down: .*valkey-server ended while starting \(exit status 7\)/);
    expect(portOf(caches)).to.be.greaterThan(0);
  });

  it("is down when the program is not ready in 5 s, and kills it", async function () {
    if (process.platform === "win32") this.skip();
    const file = join(folder, "pid");
    await install(
      "valkey-server",
      `import { writeFileSync } from "node:fs"; writeFileSync("${file}", String(process.pid)); setInterval(() => {}, 1000);`,
    );
    const clock = new VirtualClock();
    const starting = start(folder, clock);
    while (!(await readdir(folder)).includes("pid")) await new Promise(setImmediate);
    await clock.advance(5_000);
    await starting;
    expect(lines.join()).to.contain("was not ready after 5 s");
  });

  it("says so when the program ends later", async function () {
    if (process.platform === "win32") this.skip();
    await install("valkey-server", SERVER);
    const { caches } = await start(folder);
    const said = new Promise<void>((resolve) => waiters.push(resolve));
    const environment = caches.localise(VARIABLES);
    const code = CLIENT.replace('cache.set("k"', 'cache.set("END"');
    await promisify(execFile)(process.execPath, ["--input-type=module", "-e", `${code}`], {
      env: { ...process.env, ...environment },
    }).catch(() => {});
    await said;
    expect(lines.join()).to.match(/is down: .*valkey-server has ended \(exit status 3\)/);
  });

  it("prefers valkey-server, takes only executables of absolute folders, and none on Windows", async () => {
    for (const name of ["redis-server", "valkey-server"]) await writeFile(join(folder, name), "");
    expect(await findCacheProgram(folder, "linux")).to.equal(undefined);
    await chmod(join(folder, "redis-server"), 0o755);
    expect(await findCacheProgram(`.:${folder}`, "linux")).to.equal(join(folder, "redis-server"));
    await chmod(join(folder, "valkey-server"), 0o755);
    expect(await findCacheProgram(folder, "linux")).to.equal(join(folder, "valkey-server"));
    expect(await findCacheProgram(folder, "win32")).to.equal(undefined);
    expect(await findCacheProgram(undefined, "linux")).to.equal(undefined);
  });

  it("configures the users of the cache's group alone, and refuses one that would write another line", () => {
    expect(
      cacheConfiguration("/s", [{ name: "reader", access: "on ~* -@all +get +set" }]).split("\n"),
    ).to.include.members([
      "port 0",
      "unixsocket /s",
      "user default off",
      "user reader nopass on ~* -@all +get +set",
    ]);
    expect(() => cacheConfiguration("/s", [{ name: "a\nport 1", access: "on" }])).to.throw("a\\nport 1");
  });
});

// Not proven here: a real Valkey or Redis, which few machines have; only its configuration's text.
