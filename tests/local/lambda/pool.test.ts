import { expect } from "chai";
import { Trace, type TraceEvent } from "../../../local/kit/trace.ts";
import { LambdaPool } from "../../../local/lambda/pool.ts";
import {
  PoolStoppedError,
  RequestTooLargeException,
  ResourceNotFoundException,
  TooManyRequestsException,
} from "../../../local/lambda/results.ts";
import { withEnvironment } from "../../helpers/environment.ts";
import { type TestBed, testBed } from "./helpers/functions.ts";

const ECHO = "exports.handler = async (event) => event;";
/** Logs its process id, then never answers. */
const HANG =
  "exports.handler = async () => { console.log('hanging'); return new Promise(() => setInterval(() => {}, 1000)); };";

const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

const logged = (text: string) => (event: TraceEvent) =>
  event.kind === "log" && String(event.line).includes(text);

const parse = (payload: string) => JSON.parse(payload) as Record<string, unknown>;

describe("a Lambda pool that cannot start", () => {
  it("leaves no server behind that would keep the process alive", async () => {
    const servers = () => process.getActiveResourcesInfo().filter((name) => name === "TCPServerWrap").length;
    const before = servers();
    const problem = await withEnvironment({ TMPDIR: "/proc/none" }, () =>
      LambdaPool.start({ trace: new Trace() }).then(
        () => undefined,
        (error: Error) => error,
      ),
    );
    expect(problem?.message).to.contain("/proc/none");
    // A closed server's handle goes with the next turn of the event loop.
    await new Promise((resolve) => setImmediate(resolve));
    expect(servers()).to.equal(before);
  });
});

describe("Lambda pool", () => {
  let bed: TestBed;

  afterEach(() => bed.stop());

  describe("a function that answers", () => {
    beforeEach(async () => {
      bed = await testBed();
    });

    it("gets the event and gives its result", async () => {
      await bed.add("echo", ECHO);
      const result = await bed.pool.invoke("echo", '{"reading":[1,"ü"]}');
      expect(parse(result.payload)).to.deep.equal({ reading: [1, "ü"] });
      expect(result).to.include({ status: "ok", coldStart: true });
      expect(result.initDurationMs).to.be.greaterThan(0);
    });

    it("gives null for undefined", async () => {
      await bed.add("nothing", "exports.handler = async () => {};");
      expect((await bed.pool.invoke("nothing", "{}")).payload).to.equal("null");
    });

    it("keeps its module's state in a reused environment", async () => {
      await bed.add("count", "let n = 0; exports.handler = async () => ++n;");
      const results = [];
      for (let turn = 0; turn < 3; turn += 1) results.push(await bed.pool.invoke("count", "{}"));
      expect(results.map((result) => result.payload)).to.deep.equal(["1", "2", "3"]);
      expect(results.map((result) => result.coldStart)).to.deep.equal([true, false, false]);
      expect(bed.pool.stats()[0]).to.include({ invocations: 3, coldStarts: 1, errors: 0, environments: 1 });
    });

    it("sees Lambda's variables and its own, and nothing of the runtime's environment", async () => {
      process.env.POOL_TEST_SECRET = "leak";
      await bed.add("env", "exports.handler = async () => process.env;", { environment: { TABLE: "t" } });
      const env = parse((await bed.pool.invoke("env", "{}")).payload);
      delete process.env.POOL_TEST_SECRET;
      expect(env).to.include({
        TABLE: "t",
        AWS_REGION: "eu-west-1",
        AWS_LAMBDA_FUNCTION_NAME: "env",
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE: "256",
        AWS_EXECUTION_ENV: "AWS_Lambda_nodejs24.x",
        AWS_ACCESS_KEY_ID: "AKIAENV",
        TZ: ":UTC",
      });
      expect(env).not.to.have.property("POOL_TEST_SECRET");
      expect(env._X_AMZN_TRACE_ID).to.match(
        /^Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0$/,
      );
    });

    it("gets Node 24's context, without done, succeed and fail", async () => {
      await bed.add(
        "context",
        "exports.handler = async (event, context) => ({ keys: Object.keys(context), left: context.getRemainingTimeInMillis(), id: context.awsRequestId, arn: context.invokedFunctionArn });",
      );
      const result = await bed.pool.invoke("context", "{}");
      const context = parse(result.payload);
      expect(context).to.include({
        id: result.requestId,
        arn: "arn:aws:lambda:eu-west-1:000000000000:function:context",
      });
      expect(context.left).to.be.within(1, 5_000);
      expect(context.keys).not.to.include.members(["done"]);
    });

    it("has a temporary folder of its own that goes with the environment", async () => {
      await bed.add("tmp", "exports.handler = async () => require('node:os').tmpdir();");
      const [first] = [JSON.parse((await bed.pool.invoke("tmp", "{}")).payload) as string];
      expect(first).to.match(/lambda-.*tmp/);
    });

    it("logs JSON lines with its request id", async () => {
      await bed.add(
        "log",
        "exports.handler = async () => { console.debug('hidden'); console.log('plain %d', 7); console.warn({ a: 1 }); console.error(new TypeError('bad')); };",
      );
      const result = await bed.pool.invoke("log", "{}");
      await bed.trace.waitFor(logged("bad"));
      const lines = bed.trace.events
        .filter((event) => event.kind === "log")
        .map((event) => parse(String(event.line)));
      expect(lines).to.have.length(3);
      expect(lines[0]).to.include({ level: "INFO", message: "plain 7", requestId: result.requestId });
      expect(lines[1]?.message).to.deep.equal({ a: 1 });
      expect(lines[2]?.message).to.include({ errorType: "TypeError", errorMessage: "bad" });
    });

    it("may send 6,291,556 bytes and no more", async () => {
      await bed.add("big", "exports.handler = async ({ bytes }) => 'x'.repeat(bytes - 2);");
      const fits = await bed.pool.invoke("big", '{"bytes":6291556}');
      const tooLarge = await bed.pool.invoke("big", '{"bytes":6291557}');
      expect(fits.payload).to.have.length(6_291_556);
      expect(tooLarge).to.include({
        status: "error",
        functionError: "Unhandled",
        errorType: "Function.ResponseSizeTooLarge",
      });
      expect((await bed.pool.invoke("big", '{"bytes":4}')).payload).to.equal('"xx"');
    });

    it("takes an event of 6,291,456 bytes and refuses a larger one", async () => {
      await bed.add("length", "exports.handler = async (event) => event.length;");
      const event = JSON.stringify("x".repeat(6_291_454));
      expect((await bed.pool.invoke("length", event)).payload).to.equal("6291454");
      const refusal = await bed.pool.invoke("length", `${event} `).catch((error: Error) => error);
      expect(refusal).to.be.instanceOf(RequestTooLargeException);
    });
  });

  describe("a function that fails", () => {
    beforeEach(async () => {
      bed = await testBed();
    });

    it("reports the error's type, message and trace, and goes on", async () => {
      await bed.add(
        "fail",
        "class Odd extends Error { name = 'Odd' } exports.handler = async (e) => { if (e.bad) throw new Odd('no'); return 1; };",
      );
      const failed = await bed.pool.invoke("fail", '{"bad":true}');
      const next = await bed.pool.invoke("fail", "{}");
      expect(failed).to.include({ status: "error", functionError: "Unhandled", errorType: "Odd" });
      expect(parse(failed.payload)).to.include({ errorType: "Odd", errorMessage: "no" });
      expect(parse(failed.payload).trace).to.be.an("array");
      expect(next).to.include({ status: "ok", coldStart: false });
    });

    it("reports code that does not load, tried twice", async () => {
      await bed.add("broken", "throw new SyntaxError('half a module');");
      const result = await bed.pool.invoke("broken", "{}");
      expect(result).to.include({ status: "error", errorType: "SyntaxError", coldStart: true });
      expect(bed.trace.events.filter(logged("half a module"))).to.have.length(2);
    });

    it("refuses a missing handler and a callback handler", async () => {
      await bed.add("missing", "exports.other = 1;");
      await bed.add("callback", "exports.handler = (event, context, callback) => callback(null, 1);");
      expect((await bed.pool.invoke("missing", "{}")).errorType).to.equal("Runtime.HandlerNotFound");
      const callback = await bed.pool.invoke("callback", "{}");
      expect(callback.errorType).to.equal("Runtime.CallbackHandlerDeprecated");
    });

    it("reports an unhandled rejection and starts afresh", async () => {
      await bed.add(
        "reject",
        "exports.handler = async (e) => { if (!e.bad) return 1; Promise.reject(new Error('lost')); await new Promise((r) => setTimeout(r, 1000)); };",
      );
      const failed = await bed.pool.invoke("reject", '{"bad":true}');
      const next = await bed.pool.invoke("reject", "{}");
      expect(failed.errorType).to.equal("Runtime.UnhandledPromiseRejection");
      expect(next).to.include({ status: "ok", payload: "1" });
    });

    it("reports the end of its process as AWS words it", async () => {
      await bed.add("exit", "exports.handler = async ({ code }) => process.exit(code);");
      const silent = await bed.pool.invoke("exit", '{"code":0}');
      const coded = await bed.pool.invoke("exit", '{"code":3}');
      expect(silent).to.include({ status: "exited", errorType: "Runtime.ExitError" });
      expect(parse(silent.payload).errorMessage).to.equal(
        `RequestId: ${silent.requestId} Error: Runtime exited without providing a reason`,
      );
      expect(parse(coded.payload).errorMessage).to.match(/Runtime exited with error: exit status 3$/);
    });

    it("ends when nothing is left that could answer", async () => {
      await bed.add("forgets", "exports.handler = () => new Promise(() => {});");
      expect((await bed.pool.invoke("forgets", "{}")).errorType).to.equal("Runtime.ExitError");
    });

    it("is killed at its timeout and replaced", async () => {
      await bed.add("slow", HANG, { timeoutMs: 200 });
      const running = bed.pool.invoke("slow", "{}");
      await bed.trace.waitFor(logged("hanging"));
      const [before] = bed.pool.environments("slow");
      const result = await running;
      expect(result).to.include({ status: "timeout", errorType: "Sandbox.Timedout", durationMs: 200 });
      expect(parse(result.payload).errorMessage).to.equal(
        `RequestId: ${result.requestId} Error: Task timed out after 0.20 seconds`,
      );
      const next = await bed.pool.invoke("slow", "{}");
      expect(next.coldStart).to.equal(true);
      expect(alive(before!.pid)).to.equal(false);
    });

    it("is initialised again, on the invocation's time, when that takes too long", async () => {
      await bed.stop();
      bed = await testBed({ initLimitMs: 300 });
      await bed.add(
        "lazy",
        "const end = Date.now() + 500; while (Date.now() < end); exports.handler = async () => 'ready';",
      );
      const result = await bed.pool.invoke("lazy", "{}");
      expect(result).to.include({ status: "ok", payload: '"ready"' });
      expect(result.durationMs).to.be.greaterThan(500);
    });

    it("times out when initialisation takes longer than the timeout", async () => {
      await bed.stop();
      bed = await testBed({ initLimitMs: 300 });
      await bed.add("endless", "for (;;);", { timeoutMs: 200 });
      expect(await bed.pool.invoke("endless", "{}")).to.include({ status: "timeout" });
    });

    it("is killed when its buffers or its heap outgrow its memory", async () => {
      await bed.add(
        "hungry",
        `exports.handler = async ({ heap }) => {
           const kept = [];
           for (;;) { kept.push(heap ? Array.from({ length: 1e5 }, (_, i) => ({ i })) : Buffer.alloc(1e7, 1)); await new Promise(setImmediate); }
         };`,
        { memorySize: 128, timeoutMs: 20_000 },
      );
      const buffers = await bed.pool.invoke("hungry", '{"heap":false}');
      const heap = await bed.pool.invoke("hungry", '{"heap":true}');
      expect([buffers.status, heap.status]).to.deep.equal(["out-of-memory", "out-of-memory"]);
      expect(parse(buffers.payload).errorMessage).to.match(/Runtime exited with error: signal: killed$/);
    }).timeout(30_000);
  });

  describe("an environment that dies", () => {
    beforeEach(async () => {
      bed = await testBed({
        onResponse: (name) =>
          name === "chaos" && bed.pool.stats()[0]?.invocations === 1 ? "kill" : "deliver",
      });
    });

    it("fails its invocation, and the next gets a fresh one", async () => {
      await bed.add(
        "victim",
        "exports.handler = async (e) => e.hang ? (console.log('busy'), new Promise(() => setInterval(() => {}, 1e3))) : 1;",
      );
      const running = bed.pool.invoke("victim", '{"hang":true}');
      await bed.trace.waitFor(logged("busy"));
      process.kill(bed.pool.environments("victim")[0]!.pid, "SIGKILL");
      const result = await running;
      expect(result).to.include({
        status: "exited",
        errorType: "Runtime.ExitError",
        functionError: "Unhandled",
      });
      expect(parse(result.payload).errorMessage).to.equal(
        `RequestId: ${result.requestId} Error: Runtime exited with error: signal: killed`,
      );
      expect(await bed.pool.invoke("victim", "{}")).to.include({ status: "ok", coldStart: true });
    });

    it("can be made to die after its work, with its answer lost", async () => {
      await bed.add("chaos", "exports.handler = async () => { console.log('written'); return 'done'; };");
      const statuses = [];
      for (let turn = 0; turn < 3; turn += 1) statuses.push((await bed.pool.invoke("chaos", "{}")).status);
      expect(statuses).to.deep.equal(["ok", "exited", "ok"]);
      // A line comes by a pipe of its own, and may come after the answer.
      const lines = () => bed.trace.events.filter(logged("written")).length;
      await bed.trace.waitFor(() => lines() === 3, { timeoutMs: 10_000 });
    });
  });

  describe("concurrency", () => {
    it("gives a burst the environments that become free, instead of a process for each request", async () => {
      bed = await testBed({ maxEnvironments: 40 });
      await bed.add("quick", ECHO);
      const results = await Promise.all(
        Array.from({ length: 40 }, (_, index) => bed.pool.invoke("quick", String(index))),
      );
      expect(results.map(({ payload }) => payload)).to.deep.equal(results.map((_, index) => String(index)));
      const [{ environments } = { environments: 0 }] = bed.pool.stats();
      expect(environments).to.be.within(1, 20);
    });

    it("starts an environment per invocation at a time", async () => {
      bed = await testBed();
      await bed.add(
        "pid",
        "exports.handler = async () => { await new Promise((r) => setTimeout(r, 100)); return process.pid; };",
      );
      const results = await Promise.all([1, 2, 3].map(() => bed.pool.invoke("pid", "{}")));
      expect(new Set(results.map((result) => result.payload)).size).to.equal(3);
      expect(bed.pool.environments("pid").map((each) => each.state)).to.deep.equal(["idle", "idle", "idle"]);
    });

    it("refuses what exceeds the reserved concurrency", async () => {
      bed = await testBed();
      await bed.add("one", ECHO, { reservedConcurrency: 1 });
      await bed.add("none", ECHO, { reservedConcurrency: 0 });
      const first = bed.pool.invoke("one", "{}");
      const refusals = await Promise.all(
        ["one", "none"].map((name) => bed.pool.invoke(name, "{}").catch((error: Error) => error)),
      );
      for (const refusal of refusals) {
        expect(refusal).to.be.instanceOf(TooManyRequestsException);
        expect(refusal).to.include({
          message: "Rate Exceeded.",
          reason: "ReservedFunctionConcurrentInvocationLimitExceeded",
        });
      }
      expect((await first).status).to.equal("ok");
      expect(bed.pool.stats()[0]).to.include({ throttles: 1, invocations: 1 });
    });

    it("refuses what exceeds the account's unreserved concurrency", async () => {
      bed = await testBed({ accountConcurrency: 2 });
      await bed.add("reserved", ECHO, { reservedConcurrency: 1 });
      await bed.add("shared", ECHO);
      const first = bed.pool.invoke("shared", "{}");
      const second = await bed.pool.invoke("shared", "{}").catch((error: Error) => error);
      expect(second).to.include({ reason: "ConcurrentInvocationLimitExceeded" });
      expect((await first).status).to.equal("ok");
    });

    it("lets invocations beyond the process limit wait for a process", async () => {
      bed = await testBed({ maxEnvironments: 2 });
      await bed.add("echo", ECHO);
      const results = await Promise.all([1, 2, 3, 4, 5, 6].map((n) => bed.pool.invoke("echo", String(n))));
      expect(results.map((result) => result.payload)).to.deep.equal(["1", "2", "3", "4", "5", "6"]);
      expect(bed.pool.environments("echo")).to.have.length(2);
    });

    it("starts no environment for a function that was taken out, once the pool has stopped", async () => {
      bed = await testBed();
      await bed.add("slow", "while (true);");
      const invoked = bed.pool.invoke("slow", "{}");
      bed.pool.remove("slow");
      await bed.pool.stop();
      const { status, payload } = await invoked;
      expect(status).to.equal("exited");
      expect(parse(payload).errorMessage).to.match(/signal: killed$/);
    });

    it("goes on with those that wait when the process they wait for dies", async () => {
      bed = await testBed({ maxEnvironments: 1 });
      await bed.add("frail", "exports.handler = async (e) => e === 1 ? process.exit(1) : e;");
      const results = await Promise.all([1, 2, 3].map((n) => bed.pool.invoke("frail", String(n))));
      expect(results.map((result) => result.status)).to.deep.equal(["exited", "ok", "ok"]);
    });

    it("has provisioned environments ready", async () => {
      bed = await testBed();
      await bed.add("warm", ECHO, { provisionedConcurrency: 2 });
      expect(bed.pool.environments("warm")).to.have.length(2);
      expect(await bed.pool.invoke("warm", "1")).to.include({ status: "ok", coldStart: false });
    });
  });

  describe("between invocations", () => {
    const freezes = process.platform === "win32" ? it.skip : it;

    freezes("nothing runs on: timers fire at the next invocation", async () => {
      bed = await testBed();
      await bed.add(
        "ticking",
        "let ticks = 0; setInterval(() => { ticks += 1; console.log('tick'); }, 5); exports.handler = async () => { const seen = ticks; ticks = 0; return seen; };",
      );
      await bed.pool.invoke("ticking", "{}");
      await bed.pool.invoke("ticking", "{}");
      expect(bed.pool.environments("ticking")[0]).to.include({ state: "idle" });
      // A second function's work gives the timer time for a hundred ticks, were it running.
      await bed.add("other", "exports.handler = () => new Promise((r) => setTimeout(r, 500));");
      await bed.pool.invoke("other", "{}");
      expect(bed.pool.environments("ticking")[0]).to.include({ frozen: true });
      expect(Number((await bed.pool.invoke("ticking", "{}")).payload)).to.be.lessThan(30);
    });

    freezes("a frozen environment that is killed is replaced", async () => {
      bed = await testBed();
      await bed.add("echo", ECHO);
      await bed.pool.invoke("echo", "1");
      const { pid } = bed.pool.environments("echo")[0]!;
      process.kill(pid, "SIGKILL");
      const results = [await bed.pool.invoke("echo", "2"), await bed.pool.invoke("echo", "3")];
      expect(results.at(-1)).to.include({ status: "ok", payload: "3" });
      expect(alive(pid)).to.equal(false);
    });
  });

  describe("its own life", () => {
    beforeEach(async () => {
      bed = await testBed();
    });

    it("ends every process, frozen or busy, within 2 s", async () => {
      await bed.add("idle", ECHO);
      await bed.add("busy", HANG);
      await bed.pool.invoke("idle", "1");
      const running = bed.pool.invoke("busy", "1");
      await bed.trace.waitFor(logged("hanging"));
      const pids = ["idle", "busy"].flatMap((name) => bed.pool.environments(name).map((each) => each.pid));
      const startedAt = performance.now();
      await bed.pool.stop();
      expect(performance.now() - startedAt).to.be.lessThan(2_000);
      expect((await running).status).to.equal("exited");
      expect(pids.map(alive)).to.deep.equal([false, false]);
      const late = await bed.pool.invoke("idle", "1").catch((error: Error) => error);
      expect(late).to.be.instanceOf(PoolStoppedError);
    });

    it("names a function it does not have, and a zip it cannot unpack", async () => {
      const missing = await bed.pool.invoke("nobody", "1").catch((error: Error) => error);
      expect(missing).to.be.instanceOf(ResourceNotFoundException);
      const broken = await bed
        .add("bad", "", { zipPath: "/nowhere/code.zip" })
        .catch((error: Error) => error);
      expect(String(broken)).to.match(
        /Function "bad": Cannot unpack the function's code \/nowhere\/code\.zip/,
      );
    });

    it("opens a debugger in the next environment on request", async () => {
      await bed.add("debugged", ECHO);
      await bed.pool.invoke("debugged", "1");
      bed.pool.inspect("debugged");
      const opened = bed.trace.waitFor((event) => event.kind === "inspect");
      await bed.pool.invoke("debugged", "2");
      expect((await opened).url).to.match(/^ws:\/\/127\.0\.0\.1:\d+\//);
    });
  });

  // Not proven here: CPU share by memory size, and memory limits beyond V8's heap outside Linux.
});
