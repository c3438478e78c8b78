import * as aws from "@pulumi/aws";
import { expect } from "chai";
import { Function } from "../../components/function.ts";
import { HttpApi } from "../../components/http-api.ts";
import { LogQueries } from "../../components/log-queries.ts";
import type { Registered } from "../helpers/mocks.ts";
import { registeredBy } from "../helpers/stack.ts";

const callback = async () => {};

const queriesOf = async (program: () => void): Promise<Registered["inputs"][]> => {
  const resources = await registeredBy(() => {
    new LogQueries("queries");
    program();
  });
  return resources
    .filter(({ type }) => type === "aws:cloudwatch/queryDefinition:QueryDefinition")
    .map(({ inputs }) => inputs);
};

describe("LogQueries: infrastructure", () => {
  it("saves its queries in the stack's folder, over the log groups of every function and API", async () => {
    const queries = await queriesOf(() => {
      new Function("greet", { callback });
      new HttpApi("api", {}).route("GET /health", { auth: "none", callback: async () => ({}) });
    });
    const groups = Object.fromEntries(
      queries.map(({ name, logGroupNames }) => [String(name).replace("project/test/", ""), logGroupNames]),
    );
    const functions = ["greet-logs-1234567", "api-get-health-logs-1234567"];
    const accessLog = "api-access-logs";
    expect(groups).to.deep.equal({
      "by-correlation-id": [`arn:aws:test:::${accessLog}`, ...functions],
      "errors-by-function": functions,
      "slowest-invocations": functions,
      "cold-starts": functions,
      quarantined: functions,
      "api-server-errors": [`arn:aws:test:::${accessLog}`],
    });
  });

  it("finds a correlation id in the lines about one thing, and in those about a batch that name it", async () => {
    const queries = await queriesOf(() => {
      new Function("greet", { callback });
    });
    const query = queries.find(({ name }) => name === "project/test/by-correlation-id");
    const text = String(query?.queryString).replaceAll("PUT THE ID HERE", "c-1");
    expect(text).to.contain('correlationId = "c-1" or requestId = "c-1"');
    const pattern = new RegExp(/@message like \/(.+)\//.exec(text)?.[1] ?? "(?!)");
    expect(JSON.stringify({ correlationIds: ["c-0", "c-1"], correlatedItems: 2 })).to.match(pattern);
    expect(JSON.stringify({ correlationIds: ["c-10", "ac-1"] })).not.to.match(pattern);
  });

  it("has none for what the stack does not have", async () => {
    const queries = await queriesOf(() => {
      new Function("greet", { callback });
    });
    expect(queries.map(({ name }) => name)).not.to.include("project/test/api-server-errors");
  });

  it("saves in parts what reads more than 50 log groups", async () => {
    const queries = await queriesOf(() => {
      for (let index = 0; index < 51; index += 1) {
        const loggingConfig = { logFormat: "JSON", logGroup: `logs-${index}` };
        new aws.lambda.Function(`f${index}`, { role: "arn:aws:iam::000000000000:role/r", loggingConfig });
      }
    });
    const parts = queries.filter(({ name }) => String(name).includes("/cold-starts"));
    const sizes = parts.map(({ name, logGroupNames }) => [name, (logGroupNames as string[]).length]);
    expect(Object.fromEntries(sizes)).to.deep.equal({
      "project/test/cold-starts-1": 50,
      "project/test/cold-starts-2": 1,
    });
  });
});

// Not proven here: what CloudWatch Logs Insights makes of a query.
