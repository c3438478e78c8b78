import { expect } from "chai";
import { RuntimeApi, type RuntimeListener, type RuntimeSession } from "../../../local/lambda/runtime-api.ts";

describe("Runtime API", () => {
  let api: RuntimeApi;
  let session: RuntimeSession;
  let heard: unknown[];
  let idle: () => void;

  beforeEach(async () => {
    heard = [];
    idle = () => {};
    const listener: RuntimeListener = {
      onIdle: () => idle(),
      onResult: (requestId, result) => heard.push([requestId, result]),
      onInitError: (payload) => heard.push(payload),
    };
    api = await RuntimeApi.start();
    session = api.open(listener);
  });

  afterEach(() => api.close());

  const call = (path: string, init?: RequestInit) =>
    fetch(`http://${session.address}/2018-06-01/runtime${path}`, init);
  const post = (path: string, body: string) => call(path, { method: "POST", body });
  const deliver = () =>
    session.deliver({
      requestId: "id-1",
      payload: '{"a":1}',
      deadlineMs: 1_700_000_000_000,
      invokedFunctionArn: "arn:f",
      traceId: "Root=1-2-3",
      clientContext: '{"c":1}',
    });

  it("gives the next invocation with AWS's headers, whether it comes before or after the request", async () => {
    deliver();
    const early = await call("/invocation/next");
    expect(Object.fromEntries(early.headers)).to.include({
      "lambda-runtime-aws-request-id": "id-1",
      "lambda-runtime-deadline-ms": "1700000000000",
      "lambda-runtime-invoked-function-arn": "arn:f",
      "lambda-runtime-trace-id": "Root=1-2-3",
      "lambda-runtime-client-context": '{"c":1}',
    });
    expect(await early.json()).to.deep.equal({ a: 1 });
    idle = deliver;
    expect((await call("/invocation/next")).status).to.equal(200);
  });

  it("takes the response or the error of the invocation it gave, once", async () => {
    deliver();
    await call("/invocation/next");
    expect((await post("/invocation/id-1/response", '"done"')).status).to.equal(202);
    expect((await post("/invocation/id-1/response", '"twice"')).status).to.equal(400);
    expect(heard).to.deep.equal([["id-1", { kind: "response", payload: '"done"' }]]);
  });

  it("refuses a wrong id, a wrong token and an unknown operation", async () => {
    deliver();
    await call("/invocation/next");
    const wrong = await post("/invocation/other/error", "{}");
    expect([wrong.status, await wrong.json()]).to.deep.equal([
      400,
      { errorType: "InvalidRequestID", errorMessage: "Invalid request ID" },
    ]);
    const [host] = session.address.split("/");
    expect((await fetch(`http://${host}/guess/2018-06-01/runtime/invocation/next`)).status).to.equal(403);
    expect((await fetch(`http://${host}/`)).status).to.equal(403);
    expect((await call("/invocation")).status).to.equal(404);
    expect(heard).to.deep.equal([]);
  });

  it("answers 413 to more than 6,291,556 bytes", async () => {
    deliver();
    await call("/invocation/next");
    expect((await post("/invocation/id-1/response", "x".repeat(6_291_557))).status).to.equal(413);
    expect(heard).to.deep.equal([["id-1", { kind: "too-large" }]]);
  });

  it("hears of a failed initialisation, and nothing after the session is closed", async () => {
    await post("/init/error", '{"errorType":"E"}');
    session.close();
    expect((await post("/init/error", "{}")).status).to.equal(403);
    expect(heard).to.deep.equal(['{"errorType":"E"}']);
  });

  it("listens on loopback only", () => {
    expect(session.address).to.match(/^127\.0\.0\.1:\d+\/[\w-]{24}$/);
  });
});
