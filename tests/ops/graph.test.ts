import { expect } from "chai";
import { flowOf } from "../../ops/graph/flow.ts";
import { svgOf } from "../../ops/graph/svg.ts";
import type { FunctionPlan, Permission } from "../../ops/shared/functions.ts";
import { graphOf, resourceNode } from "../helpers/graph.ts";

const component = (kind: string, name: string) =>
  resourceNode(`serverless:index:${kind}`, name, { custom: false });

const api = component("HttpApi", "api");
const reader = component("Function", "api-get-orders");
const writer = component("Function", "orders-write");
const queue = component("Queue", "orders");
const table = component("Table", "kept");
const failures = component("Bucket", "failures");

const within = (
  parent: { urn: string },
  type: string,
  name: string,
  origins: Record<string, string[]> = {},
) => resourceNode(type, name, { parent: parent.urn, propertyDependencies: origins });

const httpApi = within(api, "aws:apigatewayv2/api:Api", "api-api");
const readerLambda = within(reader, "aws:lambda/function:Function", "api-get-orders-function");
const writerLambda = within(writer, "aws:lambda/function:Function", "orders-write-function");
const sqs = within(queue, "aws:sqs/queue:Queue", "orders-queue");
const integration = within(api, "aws:apigatewayv2/integration:Integration", "integration", {
  apiId: [httpApi.urn],
  integrationUri: [readerLambda.urn],
});
const route = {
  ...within(api, "aws:apigatewayv2/route:Route", "route", { target: [integration.urn] }),
  inputs: { routeKey: "GET /orders" },
};
const mapping = within(queue, "aws:lambda/eventSourceMapping:EventSourceMapping", "mapping", {
  eventSourceArn: [sqs.urn],
  functionName: [writerLambda.urn],
});

const program = graphOf(
  api,
  reader,
  writer,
  queue,
  table,
  failures,
  component("Table", "unused"),
  httpApi,
  readerLambda,
  writerLambda,
  sqs,
  integration,
  route,
  mapping,
  within(table, "aws:dynamodb/table:Table", "kept-table"),
  within(failures, "aws:s3/bucket:Bucket", "failures-bucket"),
);

const may = (actions: string[], resources: string[], captured = resources): Permission => ({
  actions,
  resources,
  captured,
  because: [],
});

const planned = (urn: string, ...permissions: Permission[]): FunctionPlan => ({
  name: "",
  urn,
  environment: [],
  permissions,
});

const flow = flowOf(program, [
  planned(readerLambda.urn, may(["dynamodb:GetItem"], ["kept-table/index/*"])),
  planned(
    writerLambda.urn,
    may(["dynamodb:GetItem"], ["kept-table"]),
    may(["dynamodb:PutItem"], ["kept-table"]),
    may(["s3:PutObject"], ["failures-bucket/*"], []),
    may(["s3:ListBucket"], ["failures-bucket"]),
  ),
]);

const named = (urn: string): string => urn.slice(urn.lastIndexOf(":") + 1);
const edges = flow.edges.map(({ from, to, kind }) => `${named(from)} ${kind} ${named(to)}`);

describe("the flow of a program", () => {
  it("has an arrow for each event on its way, from component to component", () => {
    expect(edges).to.include.members(["api event api-get-orders", "orders event orders-write"]);
  });

  it("tells data that code reads from data that it writes", () => {
    expect(edges).to.include.members(["kept read api-get-orders", "orders-write write kept"]);
  });

  it("leaves out what a function has for its failures, what it only lists, and what nothing reaches", () => {
    expect(edges).to.have.length(4);
    expect(flow.nodes.map(({ id }) => named(id))).not.to.include.members(["failures", "unused"]);
  });

  it("calls a route's function by its route", () => {
    expect(flow.nodes.find(({ id }) => id === reader.urn)).to.include({
      label: "GET /orders",
      kind: "Function",
    });
  });

  it("is drawn with every node inside the picture, and its text as text", () => {
    const svg = svgOf({ nodes: [{ id: "a", label: "<a> & b", kind: "Table" }], edges: [] }, "of <one>");
    expect(svg).to.contain("&lt;a&gt; &amp; b").and.to.contain("<title>of &lt;one&gt;</title>");
    const [, , , width = "0"] = /viewBox="(\d+) (\d+) (\d+)/.exec(svg) ?? [];
    const [, x = "-1", boxWidth = "0"] = /<rect x="([\d.]+)" y="[\d.]+" width="(\d+)"/.exec(svg) ?? [];
    expect(Number(x)).to.be.at.least(0);
    expect(Number(x) + Number(boxWidth)).to.be.at.most(Number(width));
  });

  it("is drawn alike every time", () => {
    expect(svgOf(flow, "twice")).to.equal(svgOf(flow, "twice"));
  });
});
