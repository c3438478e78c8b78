import * as aws from "@pulumi/aws";
import { expect } from "chai";
import { type LinesSubscriptionArgs, LogGroup } from "../../components/log-group.ts";
import { find, type Registered, recordResources, settled } from "../helpers/mocks.ts";

const FILTER = "aws:cloudwatch/logSubscriptionFilter:LogSubscriptionFilter";

const own = (resources: Registered[]): string[] =>
  resources
    .filter(({ type }) => !type.startsWith("serverless:"))
    .map(({ type, name }) => `${type.split(":").at(-1)} ${name}`)
    .sort();

const subscribe = async (args: Partial<LinesSubscriptionArgs> = {}): Promise<Registered[]> => {
  const resources = recordResources();
  const group = new LogGroup("app");
  const subscriber = group.onLines("watch", {
    callback: async ({ lines }) => {
      console.log(lines.length);
    },
    ...args,
  });
  await settled(group, subscriber, subscriber.function, subscriber.policy);
  while (!resources.some(({ type }) => type === FILTER)) await new Promise(setImmediate);
  return resources;
};

describe("LogGroup", () => {
  it("creates a group, and per subscription a function, a queue for what fails, its permission and a filter", async () => {
    expect(own(await subscribe())).to.deep.equal([
      "Function app-watch-function",
      "FunctionEventInvokeConfig app-watch-async",
      "LogGroup app-logs",
      "LogGroup app-watch-logs",
      "LogSubscriptionFilter app-watch-filter",
      "Permission app-watch-permission",
      "Queue app-watch-failures",
      "Role app-watch-role",
      "RolePolicy app-watch-policy",
    ]);
  });

  it("lets CloudWatch Logs invoke the function for this group alone", async () => {
    const permission = find(await subscribe(), "aws:lambda/permission:Permission", "app-watch-permission");
    expect(permission).to.deep.include({
      action: "lambda:InvokeFunction",
      principal: "logs.amazonaws.com",
      sourceArn: "arn:aws:test:::app-logs:*",
    });
  });

  it("passes every line, or those of a pattern; transform has the last word", async () => {
    expect(find(await subscribe(), FILTER, "app-watch-filter")).to.deep.include({ filterPattern: "" });
    const pattern = "{ $.status = 5* }";
    const transform = { filter: { name: "errors" } };
    expect(find(await subscribe({ pattern, transform }), FILTER, "app-watch-filter")).to.deep.include({
      filterPattern: pattern,
      name: "errors",
      destinationArn: "arn:aws:test:::app-watch-function",
      logGroup: "app-logs-1234567",
    });
  });

  it("subscribes to a group that something else made, and makes none", async () => {
    const resources = recordResources();
    const group = new aws.cloudwatch.LogGroup("access", { name: "/own" });
    const wrapped = LogGroup.from("access-log", group);
    await settled(wrapped, group);
    expect(own(resources)).to.deep.equal(["LogGroup access"]);
    expect(wrapped.logGroup).to.equal(group);
  });

  it("keeps lines 14 days, encrypted with a key of the user's own on request", async () => {
    const resources = recordResources();
    await settled(new LogGroup("app", { kmsKeyArn: "arn:aws:kms:::key/1" }).logGroup);
    expect(find(resources, "aws:cloudwatch/logGroup:LogGroup", "app-logs")).to.deep.include({
      retentionInDays: 14,
      kmsKeyId: "arn:aws:kms:::key/1",
    });
  });

  it("refuses, with its name, what AWS would not take", () => {
    recordResources();
    const callback = async (): Promise<void> => {};
    const group = new LogGroup("app");
    group.onLines("one", { callback });
    group.onLines("two", { callback });
    expect(() => group.onLines("three", { callback })).to.throw(
      'LogGroup subscription "app/three": the group has the subscriptions one and two already; AWS allows 2.',
    );
    const other = new LogGroup("other");
    expect(() => other.onLines("x", { callback, pattern: "a".repeat(1_025) })).to.throw(
      /"other\/x": pattern has 1025 characters/,
    );
    expect(() => other.onLines("x", { callback, filter: "a" } as never)).to.throw(
      /unknown argument "filter"/,
    );
    expect(() => new LogGroup("bad", { retentionDays: 2 })).to.throw(/"bad": logRetentionDays is 2/);
    expect(() => new LogGroup("bad", { group: other.logGroup, retentionDays: 3 })).to.throw(
      /"bad": retentionDays is set, and so is group/,
    );
  });

  // Not proven here: that AWS accepts the filter; how lines arrive locally is in tests/sources/log-group.test.ts.
});
