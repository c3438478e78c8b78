import { expect } from "chai";
import { accessLogGroups, chosenSources, deployedSources, localSources } from "../../../ops/logs/groups.ts";

const GROUP = "aws:cloudwatch/logGroup:LogGroup";
const urn = (type: string, name: string) =>
  `urn:pulumi:dev::shop::serverless:index:Function$${type}::${name}`;
const group = (name: string, physical: string) => ({
  type: GROUP,
  parent: "",
  urn: urn(GROUP, name),
  outputs: { name: physical },
});
const stack = (outputs: object) => ({
  type: "pulumi:pulumi:Stack",
  parent: "",
  urn: "urn:pulumi:dev::shop::pulumi:pulumi:Stack::shop-dev",
  outputs: outputs as Record<string, unknown>,
});

describe("logs: which groups", () => {
  it("are the deployed stack's, by the names that the program gave their writers", () => {
    const resources = [
      stack({ region: "eu-west-1" }),
      {
        type: "aws:lambda/function:Function",
        parent: "",
        urn: urn("aws:lambda/function:Function", "greet-function"),
        outputs: {},
      },
      group("greet-logs", "greet-logs-1234567"),
      group("api-access-logs", "/aws/vendedlogs/api-a1b2c3"),
    ];
    expect(deployedSources(resources, "dev")).to.deep.equal({
      region: "eu-west-1",
      sources: [
        { name: "api-access", group: "/aws/vendedlogs/api-a1b2c3" },
        { name: "greet", group: "greet-logs-1234567" },
      ],
    });
  });

  it("are APIs' where a stage of either kind of API writes to them", () => {
    const stage = (type: string, outputs: Record<string, unknown>) => ({
      type,
      parent: "",
      urn: urn(type, "s"),
      outputs,
    });
    const writesTo = (name: string) => ({
      accessLogSettings: {
        destinationArn: `arn:aws:logs:eu-west-1:000000000000:log-group:${name}`,
        format: "",
      },
    });
    const resources = [
      stage("aws:apigatewayv2/stage:Stage", writesTo("/aws/vendedlogs/api-a1b2c3")),
      stage("aws:apigateway/stage:Stage", writesTo("old:*")),
      stage("aws:apigatewayv2/stage:Stage", { name: "$default" }),
      group("greet-logs", "greet-logs-1234567"),
    ];
    expect([...accessLogGroups(resources)]).to.deep.equal(["/aws/vendedlogs/api-a1b2c3", "old"]);
  });

  it("refuse a stack that has none, or no region, with the cure", () => {
    expect(() => deployedSources([stack({ region: "eu-west-1" })], "dev")).to.throw(
      /^Stack "dev" has no log groups: .* Deploy it: npm run up -- --stack dev\.$/,
    );
    expect(() => deployedSources([stack({}), group("a-logs", "a")], "dev")).to.throw(/no output region/);
  });

  it("have the same names on this machine, by what Pulumi and the API add to them", () => {
    expect(
      localSources(["telemetry-archive-logs-aa199d7", "/aws/vendedlogs/api-z78gsw56zm", "/own"]),
    ).to.deep.equal([
      { name: "/own", group: "/own" },
      { name: "api-access", group: "/aws/vendedlogs/api-z78gsw56zm" },
      { name: "telemetry-archive", group: "telemetry-archive-logs-aa199d7" },
    ]);
  });

  it("are all, or those asked for; an unknown name is told the known ones", () => {
    const sources = ["a", "b", "c"].map((name) => ({ name, group: name }));
    expect(chosenSources(sources, [], "dev")).to.deep.equal(sources);
    expect(chosenSources(sources, ["c", "a"], "dev").map(({ name }) => name)).to.deep.equal(["a", "c"]);
    expect(() => chosenSources(sources, ["a", "d"], "dev")).to.throw(
      'Stack "dev" has no function "d". It has a, b, c.',
    );
  });
});
