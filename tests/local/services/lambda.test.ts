import { InvokeCommand, LambdaClient, ListFunctionsCommand } from "@aws-sdk/client-lambda";
import { expect } from "chai";
import type { Endpoint } from "../../../local/services/endpoint.ts";
import { LambdaApi } from "../../../local/services/lambda.ts";
import { type TestBed, testBed } from "../lambda/helpers/functions.ts";
import { askingAuthorise, authorization, clientConfig, failure, start } from "./aws.ts";

const ARN = "arn:aws:lambda:eu-west-1:000000000000:function";
const ECHO = `exports.handler = async (event, context) => {
  console.log("seen", event.secret);
  if (event.fail) throw new TypeError("as asked");
  return { event, arn: context.invokedFunctionArn, client: context.clientContext };
};`;

describe("Lambda's Invoke on this machine", function () {
  this.timeout(20_000);
  let bed: TestBed;
  let endpoint: Endpoint;
  let client: LambdaClient;
  let service: LambdaApi;
  let asked: string[];
  let denied: string;
  const accepted: [string, string | object][] = [];

  before(async () => {
    bed = await testBed();
    await bed.add("echo", ECHO);
    await bed.add("closed", ECHO, { reservedConcurrency: 0 });
    service = new LambdaApi({ region: "eu-west-1", account: "000000000000" });
    const authorise = askingAuthorise((action) => action === denied);
    asked = authorise.asked;
    endpoint = await start({ http: [service], authorise: authorise.authorise });
    client = new LambdaClient(clientConfig(endpoint));
  });

  beforeEach(() => {
    denied = "";
    accepted.length = 0;
    service.connect({
      pool: bed.pool,
      trace: bed.trace,
      asyncInvoke: {
        invoke: async (name, payload) => {
          accepted.push([name, payload]);
          return { requestId: "r" };
        },
      },
    });
  });

  after(async () => {
    client.destroy();
    await endpoint.close();
    await bed.stop();
  });

  const invoke = (FunctionName: string, input: object = {}) =>
    client.send(new InvokeCommand({ FunctionName, ...input }));
  const payloadOf = (bytes: Uint8Array | undefined) => JSON.parse(Buffer.from(bytes ?? []).toString());

  it("answers with the function's result, and with an empty event when there is no payload", async () => {
    const answer = await invoke("echo", { Payload: '{"a":"ü"}', LogType: "Tail" });
    expect([answer.StatusCode, answer.ExecutedVersion, answer.FunctionError]).to.deep.equal([
      200,
      "$LATEST",
      undefined,
    ]);
    expect(payloadOf(answer.Payload)).to.deep.include({ event: { a: "ü" }, arn: `${ARN}:echo` });
    expect(payloadOf((await invoke("echo")).Payload).event).to.deep.equal({});
  });

  it("takes a name, a partial ARN and an ARN, with a qualifier in either place", async () => {
    for (const name of ["echo", "000000000000:function:echo", `${ARN}:echo`, `${ARN}:echo:live`]) {
      expect((await invoke(name)).StatusCode, name).to.equal(200);
    }
    const { Payload } = await invoke("echo", { Qualifier: "live" });
    expect(payloadOf(Payload).arn).to.equal(`${ARN}:echo:live`);
    const two = await failure(invoke(`${ARN}:echo:live`, { Qualifier: "other" }));
    expect(two.name).to.equal("InvalidParameterValueException");
  });

  it("gives this invocation's lines with its answer when they are asked for", async () => {
    const [one, two] = await Promise.all(
      ["one", "two"].map((secret) =>
        invoke("echo", { Payload: JSON.stringify({ secret }), LogType: "Tail" }),
      ),
    );
    const lines = Buffer.from(one?.LogResult ?? "", "base64").toString();
    expect(lines).to.contain("one").and.not.to.contain("two");
    expect(Buffer.from(two?.LogResult ?? "", "base64").toString()).to.contain("two");
    expect((await invoke("echo")).LogResult).to.equal(undefined);
  });

  it("tells a failed function from a failed request", async () => {
    const failed = await invoke("echo", { Payload: '{"fail":true}' });
    expect([failed.StatusCode, failed.FunctionError]).to.deep.equal([200, "Unhandled"]);
    expect(payloadOf(failed.Payload)).to.include({ errorType: "TypeError", errorMessage: "as asked" });
  });

  it("passes a client context on", async () => {
    const ClientContext = Buffer.from('{"custom":{"k":"v"}}').toString("base64");
    expect(payloadOf((await invoke("echo", { ClientContext })).Payload).client).to.deep.equal({
      custom: { k: "v" },
    });
    const broken = await failure(invoke("echo", { ClientContext: "bm9uZQ==" }));
    expect(broken.name).to.equal("InvalidParameterValueException");
  });

  it("hands an event to asynchronous invocation, and runs nothing dry", async () => {
    const event = await invoke("echo", { InvocationType: "Event", Payload: '{"n":1}' });
    const dry = await invoke("echo", { InvocationType: "DryRun" });
    expect([event.StatusCode, dry.StatusCode]).to.deep.equal([202, 204]);
    expect(accepted).to.deep.equal([["echo", '{"n":1}']]);
  });

  it("refuses as AWS does: unknown, throttled, no JSON, too large, another type", async () => {
    const names: [string, object, string, number][] = [
      ["none", {}, "ResourceNotFoundException", 404],
      ["arn:aws:lambda:us-east-1:000000000000:function:echo", {}, "ResourceNotFoundException", 404],
      ["closed", {}, "TooManyRequestsException", 429],
      ["echo", { Payload: "{" }, "InvalidRequestContentException", 400],
      ["echo", { Payload: `"${"x".repeat(6_291_456)}"` }, "RequestTooLargeException", 413],
      ["echo", { InvocationType: "Later" }, "InvalidParameterValueException", 400],
      ["../../x", {}, "InvalidParameterValueException", 400],
      ["__proto__", {}, "ResourceNotFoundException", 404],
    ];
    for (const [name, input, type, status] of names) {
      const error = await failure(invoke(name, input));
      expect(
        [error.name, (error.$metadata as { httpStatusCode: number }).httpStatusCode],
        name,
      ).to.deep.equal([type, status]);
    }
  });

  it("asks for the caller's right to the function, and to list them", async () => {
    asked.length = 0;
    await invoke("echo");
    const { Functions = [] } = await client.send(new ListFunctionsCommand({}));
    expect(asked).to.deep.equal([`lambda:InvokeFunction ${ARN}:echo`, "lambda:ListFunctions *"]);
    expect(Functions.map(({ FunctionName }) => FunctionName)).to.have.members(["echo", "closed"]);
    denied = "lambda:InvokeFunction";
    const refusal = await failure(invoke("echo"));
    expect(refusal.name).to.equal("AccessDeniedException");
  });

  it("says 501 for what is not served, and 503 before there are functions", async () => {
    const headers = { authorization: authorization("lambda") };
    const other = await fetch(`${endpoint.url}/2015-03-31/functions/echo`, { method: "DELETE", headers });
    expect(other.status).to.equal(501);
    const early = await start({ http: [new LambdaApi({ region: "eu-west-1", account: "000000000000" })] });
    const answer = await fetch(`${early.url}/2015-03-31/functions`, { headers });
    await early.close();
    expect(answer.status).to.equal(503);
  });
});
