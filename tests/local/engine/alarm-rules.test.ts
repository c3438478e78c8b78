import { expect } from "chai";
import { checkGraph, formatProblem } from "../../../local/engine/checks.ts";
import type { PropertyMap, ResourceNode } from "../../../local/engine/graph.ts";
import { graphOf, resourceNode } from "../../helpers/graph.ts";

const node = (
  type: string,
  name: string,
  outputs: PropertyMap,
  from: Record<string, string[]> = {},
): ResourceNode =>
  resourceNode(type, name, { urn: name, outputs: { name, ...outputs }, propertyDependencies: from });

const GOOD: PropertyMap = {
  namespace: "AWS/SQS",
  metricName: "ApproximateNumberOfMessagesVisible",
  statistic: "Maximum",
  period: 60,
  evaluationPeriods: 3,
  datapointsToAlarm: 2,
  threshold: 0,
  comparisonOperator: "GreaterThanThreshold",
  treatMissingData: "ignore",
  alarmActions: ["arn"],
};

const alarm = (differs: PropertyMap = {}, topic?: string) =>
  node(
    "aws:cloudwatch/metricAlarm:MetricAlarm",
    "depth",
    { ...GOOD, ...differs },
    topic === undefined ? {} : { alarmActions: [topic] },
  );

const topic = (kmsMasterKeyId?: string, from = {}) =>
  node("aws:sns/topic:Topic", "topic", kmsMasterKeyId === undefined ? {} : { kmsMasterKeyId }, from);

const allows = (...services: string[]) =>
  JSON.stringify({ Statement: services.map((Service) => ({ Effect: "Allow", Principal: { Service } })) });

const topicPolicy = (...services: string[]) =>
  node("aws:sns/topicPolicy:TopicPolicy", "policy", { policy: allows(...services) }, { arn: ["topic"] });

const dashboard = (outputs: PropertyMap) =>
  node("aws:cloudwatch/dashboard:Dashboard", "board", {
    dashboardName: "board",
    dashboardBody: '{"widgets":[]}',
    ...outputs,
  });

const query = (outputs: PropertyMap) =>
  node("aws:cloudwatch/queryDefinition:QueryDefinition", "query", {
    queryString: "fields @message",
    ...outputs,
  });

const budget = (...notifications: PropertyMap[]) =>
  node("aws:budgets/budget:Budget", "month", { notifications }, { notifications: ["topic"] });

const said = (...resources: ResourceNode[]): string[] => checkGraph(graphOf(...resources)).map(formatProblem);

describe("local/engine/rules: alarms", () => {
  it("have nothing to say about an alarm on a metric, nor about one on a query", () => {
    expect(said(alarm())).to.deep.equal([]);
    const queried = { metricName: null, namespace: null, statistic: null, period: null };
    expect(said(alarm({ ...queried, metricQueries: [{ id: "m1", returnData: true }] }))).to.deep.equal([]);
  });

  const refusals: [PropertyMap, RegExp][] = [
    [{ metricQueries: [{ id: "m1" }] }, /has both a metricName and metricQueries/],
    [{ metricName: null, statistic: null }, /has neither a metricName nor metricQueries/],
    [{ statistic: null }, /has no statistic/],
    [{ extendedStatistic: "p99" }, /has statistic and extendedStatistic/],
    [{ period: 45 }, /has a period of 45 s\. Set a multiple of 60/],
    [{ period: 30 }, /has a period of 30 s\. Set a multiple of 60, the finest that AWS's own metrics have/],
    [{ period: 300, evaluationPeriods: 289 }, /looks back over 289 periods of 300 s\. .* 86400 s/],
    [{ period: 3_600, evaluationPeriods: 169 }, /looks back over 169 periods.* 604800 s/],
    [{ datapointsToAlarm: 4 }, /wants 4 bad periods among 3\. Set datapointsToAlarm to 1-3/],
    [{ treatMissingData: "good" }, /treats missing data as "good"/],
    [{ alarmDescription: "d".repeat(1_025) }, /a description of 1025 characters/],
    [{ okActions: ["1", "2", "3", "4", "5", "6"] }, /has 6 okActions/],
  ];
  for (const [differs, message] of refusals) {
    it(`refuse ${JSON.stringify(differs).slice(0, 60)}, as CloudWatch does`, () => {
      const problems = said(alarm(differs));
      expect(problems).to.have.length(1);
      expect(problems[0]).to.match(message);
    });
  }

  it("take fine periods for metrics of one's own", () => {
    expect(said(alarm({ namespace: "Telemetry", period: 10 }))).to.deep.equal([]);
  });

  it("want a topic that hears its alarms: by its policy", () => {
    expect(said(topic(), alarm({}, "topic"))).to.deep.equal([]);
    expect(said(topic(), topicPolicy("cloudwatch.amazonaws.com"), alarm({}, "topic"))).to.deep.equal([]);
    const [problem] = said(topic(), topicPolicy("budgets.amazonaws.com"), alarm({}, "topic"));
    expect(problem).to.match(
      /"depth" would speak to nobody: the policy of .*"topic" does not let cloudwatch/,
    );
  });

  it("want a topic that hears its alarms: by its key", () => {
    const [managed] = said(topic("alias/aws/sns"), alarm({}, "topic"));
    expect(managed).to.match(
      /is encrypted with alias\/aws\/sns, which cloudwatch\.amazonaws\.com may not use/,
    );
    const own = topic("arn:key", { kmsMasterKeyId: ["key"] });
    const key = (policy: string) => node("aws:kms/key:Key", "key", { policy });
    expect(said(key(allows("cloudwatch.amazonaws.com")), own, alarm({}, "topic"))).to.deep.equal([]);
    const [locked] = said(key(allows("sns.amazonaws.com")), own, alarm({}, "topic"));
    expect(locked).to.match(/the key of .*"topic" does not let cloudwatch\.amazonaws\.com use it/);
  });

  it("want a topic's policy to name budgets, which no default lets publish", () => {
    const telling = budget({ subscriberSnsTopicArns: ["arn"] });
    expect(said(topic(), topicPolicy("budgets.amazonaws.com"), telling)).to.deep.equal([]);
    expect(said(topic(), telling)[0]).to.match(/"month" would speak to nobody: .*does not let budgets/);
  });
});

describe("local/engine/rules: dashboards, queries and budgets", () => {
  const refusals: [string, ResourceNode, RegExp | undefined][] = [
    ["an empty dashboard", dashboard({}), undefined],
    ["a name with a dot", dashboard({ dashboardName: "a.b" }), /cannot be named "a\.b"/],
    ["a body that is no JSON", dashboard({ dashboardBody: "{" }), /a body that is no JSON object/],
    [
      "501 widgets",
      dashboard({ dashboardBody: JSON.stringify({ widgets: Array(501).fill({}) }) }),
      /has 501 widgets/,
    ],
    [
      "a widget past the 24th column",
      dashboard({ dashboardBody: '{"widgets":[{"x":18,"width":8}]}' }),
      /a widget from column 18 to 26/,
    ],
    ["a query", query({ logGroupNames: Array(50).fill("g") }), undefined],
    ["51 log groups", query({ logGroupNames: Array(51).fill("g") }), /reads 51 log groups/],
    ["a long query", query({ queryString: "q".repeat(10_001) }), /has 10001 characters/],
  ];
  for (const [what, resource, message] of refusals) {
    it(message === undefined ? `take ${what}` : `refuse ${what}`, () => {
      const problems = said(resource);
      expect(problems).to.have.length(message === undefined ? 0 : 1);
      if (message !== undefined) expect(problems[0]).to.match(message);
    });
  }

  it("refuse a budget whose notification tells nobody, or more than AWS tells", () => {
    const heard = [topic(), topicPolicy("budgets.amazonaws.com")];
    const tells = (...notifications: PropertyMap[]) => said(...heard, budget(...notifications));
    expect(tells({ subscriberEmailAddresses: ["a"] }, { subscriberSnsTopicArns: ["t"] })).to.deep.equal([]);
    expect(tells({})[0]).to.match(/has a notification that tells nobody/);
    expect(tells({ subscriberEmailAddresses: Array(11).fill("a") })[0]).to.match(/tells 11 e-mail addresses/);
    expect(tells({ subscriberSnsTopicArns: ["t", "u"] })[0]).to.match(/tells 2 topics/);
  });
});

// Not proven here: limits of the account, such as how many alarms and dashboards it may have.
