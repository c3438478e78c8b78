import { expect } from "chai";
import { checkGraph } from "../../../local/engine/checks.ts";
import type { ResourceNode } from "../../../local/engine/graph.ts";
import { graphOf, resourceNode } from "../../helpers/graph.ts";

const FILTER = "aws:cloudwatch/logSubscriptionFilter:LogSubscriptionFilter";

/** A function that writes a group of its own. */
const lambda = (name: string): ResourceNode[] => [
  resourceNode("aws:cloudwatch/logGroup:LogGroup", `${name}-logs`, {
    urn: `${name}-logs`,
    outputs: { name: `${name}-logs` },
  }),
  resourceNode("aws:lambda/function:Function", name, {
    urn: name,
    outputs: { name, loggingConfig: { logGroup: `${name}-logs` } },
    dependencies: [`${name}-logs`],
  }),
];

const permission = (target: string): ResourceNode =>
  resourceNode("aws:lambda/permission:Permission", `${target}-permission`, {
    urn: `${target}-permission`,
    dependencies: [target],
    propertyDependencies: { function: [target] },
  });

/** Hands the group's lines to a function. */
const filter = (group: string, target: string, dependsOn = [`${target}-permission`]): ResourceNode =>
  resourceNode(FILTER, `${group}-${target}`, {
    urn: `${group}-${target}`,
    outputs: { logGroup: group },
    dependencies: [target, ...dependsOn],
    propertyDependencies: { destinationArn: [target] },
  });

const problems = (...resources: ResourceNode[]) => checkGraph(graphOf(...resources));

describe("rules of subscription filters", () => {
  it("have nothing to say about a filter that waits for its permission", () => {
    expect(problems(...lambda("watch"), permission("watch"), filter("/app", "watch"))).to.deep.equal([]);
  });

  it("want the permission before the filter", () => {
    const [late] = problems(...lambda("watch"), permission("watch"), filter("/app", "watch", []));
    expect(late?.rule).to.equal("log-filter-after-permission");
    expect(late?.cure).to.equal(`Add "watch-permission" to the filter's dependsOn.`);
    const [none] = problems(...lambda("watch"), filter("/app", "watch", []));
    expect(none?.message).to.match(/no lambda permission for logs\.amazonaws\.com/);
  });

  it("allow two filters per group", () => {
    const targets = ["a", "b", "c"];
    const made = targets.flatMap((name) => [...lambda(name), permission(name), filter("/app", name)]);
    const [problem, ...more] = problems(...made);
    expect(problem?.rule).to.equal("log-filters-fit");
    expect(problem?.message).to.equal('The log group "/app" has 3 subscription filters; AWS allows 2.');
    expect(more).to.deep.equal([]);
  });

  it("refuse a function that gets its own lines, also by way of another", () => {
    const own = problems(...lambda("watch"), permission("watch"), filter("watch-logs", "watch"));
    expect(own.map(({ rule }) => rule)).to.deep.equal(["logs-do-not-recur"]);
    expect(own[0]?.message).to.match(/lines that come of its own: each run writes to .*"watch-logs"/);
    const circle = problems(
      ...["a", "b"].flatMap((name) => [...lambda(name), permission(name)]),
      filter("a-logs", "b"),
      filter("b-logs", "a"),
    );
    expect(circle.map(({ rule }) => rule)).to.deep.equal(["logs-do-not-recur", "logs-do-not-recur"]);
    const line = problems(
      ...["a", "b"].flatMap((name) => [...lambda(name), permission(name)]),
      filter("/app", "a"),
      filter("a-logs", "b"),
    );
    expect(line).to.deep.equal([]);
  });
});
