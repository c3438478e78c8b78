import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as aws from "@pulumi/aws";
import { expect } from "chai";
import { Alarms, type AlarmsArgs } from "../../components/alarms.ts";
import { whenComplete } from "../../components/finaliser.ts";
import { Function } from "../../components/function.ts";
import { ALARM_RULES } from "../../components/internal/alarm-rules.ts";
import { LOG_QUERIES } from "../../components/internal/log-queries.ts";
import { Queue } from "../../components/queue.ts";
import { Stream } from "../../components/stream.ts";
import { Table } from "../../components/table.ts";
import { find, type Registered } from "../helpers/mocks.ts";
import { ROOT } from "../helpers/source-files.ts";
import { registeredBy } from "../helpers/stack.ts";

const ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm";
const TOPIC_ARN = "arn:aws:test:::alarms-topic";
const callback = async () => {};

const alarmsOf = (program: () => void, args: AlarmsArgs = {}): Promise<Registered[]> =>
  registeredBy(() => {
    new Alarms("alarms", args);
    program();
  });

/** Names of the alarms, without the component's own. */
const names = (resources: Registered[]): string[] =>
  resources
    .filter(({ type }) => type === ALARM)
    .map(({ name }) => name.replace(/^alarms-/, ""))
    .sort();

const alarm = (resources: Registered[], name: string) => find(resources, ALARM, `alarms-${name}`);

const sink = () => new Queue("sink", { deadLetters: false });

describe("Alarms: infrastructure", () => {
  it("speaks through an encrypted topic that alarms and budgets of the account may publish to, and nobody else", async () => {
    const resources = await alarmsOf(() => {}, { emails: ["team@example.com"] });
    expect(resources.map(({ type, name }) => `${type.split(":").at(-1)} ${name}`).sort()).to.deep.equal([
      "Alarms alarms",
      "Key alarms-key",
      "Topic alarms-topic",
      "TopicPolicy alarms-topic-policy",
      "TopicSubscription alarms-mail-0",
    ]);
    expect(find(resources, "aws:sns/topic:Topic", "alarms-topic")).to.deep.include({
      displayName: "project/test",
      kmsMasterKeyId: "arn:aws:test:::alarms-key",
    });
    expect(find(resources, "aws:sns/topicSubscription:TopicSubscription", "alarms-mail-0")).to.deep.equal({
      topic: TOPIC_ARN,
      protocol: "email",
      endpoint: "team@example.com",
    });
    const { Statement } = JSON.parse(
      String(find(resources, "aws:sns/topicPolicy:TopicPolicy", "alarms-topic-policy").policy),
    );
    expect(
      Statement.map(({ Principal, Action, Resource }: Statement) => [Principal, Action, Resource]),
    ).to.deep.equal(
      ["cloudwatch", "budgets"].map((service) => [
        { Service: `${service}.amazonaws.com` },
        "sns:Publish",
        TOPIC_ARN,
      ]),
    );
    for (const { Condition } of Statement) {
      expect(Object.keys(Condition)).to.deep.equal(["StringEquals", "ArnLike"]);
    }
    const key = find(resources, "aws:kms/key:Key", "alarms-key");
    expect(key).to.include({ enableKeyRotation: true });
    expect(JSON.parse(String(key.policy)).Statement[1]).to.deep.include({
      Principal: { Service: ["cloudwatch.amazonaws.com", "budgets.amazonaws.com"] },
      Action: ["kms:Decrypt", "kms:GenerateDataKey*"],
    });
  });

  it("has no key without encryption", async () => {
    const resources = await alarmsOf(() => {}, { encrypted: false });
    expect(resources.filter(({ type }) => type.startsWith("aws:kms/"))).to.deep.equal([]);
    expect(find(resources, "aws:sns/topic:Topic", "alarms-topic")).not.to.have.property("kmsMasterKeyId");
  });

  it("gives a function four alarms, which read its timeout and its reservation", async () => {
    const resources = await alarmsOf(() => {
      new Function("greet", { callback, timeout: 10, reservedConcurrentExecutions: 50 });
      new Function("other", { callback });
    });
    expect(names(resources).filter((name) => name.startsWith("greet"))).to.deep.equal([
      "greet-function-concurrency",
      "greet-function-duration",
      "greet-function-errors",
      "greet-function-throttles",
    ]);
    const dimensions = { FunctionName: "greet-function-1234567" };
    expect(alarm(resources, "greet-function-errors")).to.deep.include({
      namespace: "AWS/Lambda",
      metricName: "Errors",
      dimensions,
      statistic: "Sum",
      period: 60,
      threshold: 1,
      comparisonOperator: "GreaterThanOrEqualToThreshold",
      datapointsToAlarm: 2,
      evaluationPeriods: 3,
      treatMissingData: "notBreaching",
      alarmActions: [TOPIC_ARN],
      okActions: [TOPIC_ARN],
    });
    expect(alarm(resources, "greet-function-duration")).to.deep.include({
      dimensions,
      extendedStatistic: "p99",
      threshold: 8_000,
    });
    expect(alarm(resources, "greet-function-duration")).not.to.have.any.keys(
      "statistic",
      "evaluateLowSampleCountPercentiles",
    );
    expect(alarm(resources, "greet-function-concurrency")).to.include({
      statistic: "Maximum",
      threshold: 40,
    });
    // 80 % of the 950 that the reservation leaves of the account's 1,000.
    expect(alarm(resources, "other-function-concurrency")).to.include({ threshold: 760 });
  });

  it("has no concurrency alarm for a function that is switched off", async () => {
    const resources = await alarmsOf(() => {
      new Function("off", { callback, reservedConcurrentExecutions: 0 });
    });
    expect(names(resources)).not.to.include("off-function-concurrency");
    expect(names(resources)).to.include("off-function-errors");
  });

  it("alarms on half the retention of what a stream's or a table's consumer reads", async () => {
    const resources = await alarmsOf(() => {
      new Stream("events", { retentionHours: 72 }).subscribe("count", { callback });
      new Table("orders", { partitionKey: "id", changes: true }).onChange("publish", { callback });
    });
    expect(alarm(resources, "events-count-mapping-iterator-age")).to.deep.include({
      metricName: "IteratorAge",
      dimensions: { FunctionName: "events-count-function-1234567" },
      statistic: "Maximum",
      threshold: 36 * 3_600_000,
      treatMissingData: "ignore",
    });
    expect(alarm(resources, "orders-publish-mapping-iterator-age")).to.deep.include({
      dimensions: { FunctionName: "orders-publish-function-1234567" },
      threshold: 12 * 3_600_000,
    });
  });

  it("tells queues that are worked off from those where work ends", async () => {
    const resources = await alarmsOf(() => {
      new Queue("jobs").subscribe("work", { callback, timeout: 60 });
      new Queue("polled", { visibilityTimeout: 30, delaySeconds: 60 });
      new Function("greet", { callback, asyncInvoke: {} });
      sink();
    });
    const ofQueues = names(resources).filter((name) => /-(age|depth)$/.test(name));
    expect(ofQueues).to.deep.equal([
      "greet-failures-depth",
      "jobs-dead-letters-depth",
      "jobs-queue-age",
      "polled-dead-letters-depth",
      "polled-queue-age",
      "sink-queue-depth",
    ]);
    expect(alarm(resources, "jobs-dead-letters-depth")).to.deep.include({
      namespace: "AWS/SQS",
      metricName: "ApproximateNumberOfMessagesVisible",
      dimensions: { QueueName: "jobs-dead-letters-1234567" },
      statistic: "Maximum",
      threshold: 0,
      comparisonOperator: "GreaterThanThreshold",
      evaluationPeriods: 1,
      treatMissingData: "ignore",
    });
    // Twice the visibility that the subscriber's timeout asks for.
    expect(alarm(resources, "jobs-queue-age")).to.include({
      threshold: 720,
      treatMissingData: "notBreaching",
    });
    expect(alarm(resources, "polled-queue-age")).to.include({ threshold: 300 });
  });

  it("watches an API's share of 5xx and the latency of its slowest hundredth", async () => {
    const resources = await alarmsOf(
      () => {
        new aws.apigatewayv2.Api("shop", { protocolType: "HTTP" });
        new aws.apigatewayv2.Api("chat", { protocolType: "WEBSOCKET" });
      },
      { apiErrorShare: 0.01, apiLatency: 900, accountConcurrency: undefined },
    );
    expect(names(resources)).to.deep.equal(["shop-latency", "shop-server-errors"]);
    const api = { namespace: "AWS/ApiGateway", dimensions: { ApiId: "shop-id" } };
    expect(alarm(resources, "shop-server-errors")).to.deep.include({
      ...api,
      metricName: "5xx",
      statistic: "Average",
      threshold: 0.01,
    });
    expect(alarm(resources, "shop-latency")).to.deep.include({
      ...api,
      metricName: "Latency",
      extendedStatistic: "p99",
      threshold: 900,
    });
  });

  it("queries a topic rule's failures, whichever action it was", async () => {
    const resources = await alarmsOf(() => {
      new aws.iot.TopicRule("devices", { enabled: true, sql: "SELECT * FROM 't'", sqlVersion: "2016-03-23" });
    });
    const { metricQueries, ...rest } = alarm(resources, "devices-failures");
    expect(metricQueries).to.deep.equal([
      {
        id: "failures",
        expression: `SELECT SUM(Failure) FROM "AWS/IoT" WHERE RuleName = 'devices-1234567'`,
        label: "Failure",
        period: 60,
        returnData: true,
      },
    ]);
    expect(rest).to.include({ threshold: 0, comparisonOperator: "GreaterThanThreshold" });
    expect(rest).not.to.have.any.keys("metricName", "namespace", "dimensions", "period", "statistic");
  });

  it("keeps to what loses or holds up work, and to what callers see, when only that is wanted", async () => {
    const resources = await alarmsOf(
      () => {
        new Stream("events").subscribe("count", { callback });
        new Queue("jobs").subscribe("work", { callback });
        new aws.apigatewayv2.Api("shop", { protocolType: "HTTP" });
      },
      { level: "essential" },
    );
    expect(names(resources)).to.deep.equal([
      "events-count-function-errors",
      "events-count-mapping-iterator-age",
      "jobs-dead-letters-depth",
      "shop-server-errors",
    ]);
  });

  it("sees what the program makes at its very end, and what it makes outside of components", async () => {
    const resources = await alarmsOf(() => {
      whenComplete("late", () => {
        new aws.sqs.Queue("late");
      });
    });
    expect(names(resources)).to.deep.equal(["late-depth"]);
  });

  it("does not watch what is another program's and only looked up", async () => {
    const resources = await alarmsOf(() => {
      aws.sqs.Queue.get("theirs", "https://sqs.us-east-1.amazonaws.com/000000000000/theirs");
    });
    expect(names(resources)).to.deep.equal([]);
  });

  it("leaves out what it is told to, and refuses to leave out what is not there", async () => {
    expect(names(await alarmsOf(sink, { except: ["sink-queue"] }))).to.deep.equal([]);
    let refusal: unknown;
    await alarmsOf(sink, { except: ["sinc-queue"] }).catch((error: unknown) => {
      refusal = error;
    });
    expect(String(refusal)).to.match(
      /Alarms "alarms": except names "sinc-queue", which the program does not make/,
    );
  });

  it("gives transform the last word on every alarm", async () => {
    const resources = await alarmsOf(sink, { transform: { alarm: { actionsEnabled: false } } });
    expect(alarm(resources, "sink-queue-depth")).to.include({ actionsEnabled: false });
  });

  for (const [args, message] of [
    [{ levels: "all" }, 'unknown argument "levels"'],
    [{ level: "some" }, 'level is "some"; it must be "essential" or "all"'],
    [{ emails: ["nobody"] }, '"nobody" is no e-mail address'],
    [{ emails: Array.from({ length: 21 }, (_, index) => `a${index}@example.com`) }, "allowed are 20"],
    [{ apiErrorShare: 5 }, "apiErrorShare is 5; it must be a number from 0 to 1"],
    [{ apiLatency: 0 }, "apiLatency is 0"],
    [{ accountConcurrency: 1 }, "accountConcurrency is 1"],
  ] as const) {
    it(`refuses ${JSON.stringify(args).slice(0, 60)}`, async () => {
      let refusal: unknown;
      await alarmsOf(() => {}, args as unknown as AlarmsArgs).catch((error: unknown) => {
        refusal = error;
      });
      expect(String(refusal)).to.include('Alarms "alarms": ').and.to.include(message);
    });
  }
});

interface Statement {
  Principal: object;
  Action: string;
  Resource: string;
}

describe("Alarms: what they say", () => {
  const runbook = readFileSync(join(ROOT, "docs", "operations.md"), "utf8");
  const anchors = [...runbook.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^a-z0-9 -]/g, "")
      .replaceAll(" ", "-"),
  );

  it("names the stack and the resource, and sends the reader to a section that the runbook has", async () => {
    const resources = await alarmsOf(sink);
    expect(String(alarm(resources, "sink-queue-depth").alarmDescription))
      .to.match(/^project\/test: sink-queue holds /)
      .and.to.match(/ docs\/operations\.md#dead-letters$/);
    expect(anchors).to.include.members(Object.keys(ALARM_RULES));
  });

  it("and what the runbook says, lead to sections and saved queries that there are", () => {
    const links = [...runbook.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor]) => anchor);
    expect(links.length).to.be.greaterThan(5);
    expect(anchors).to.include.members(links);
    const cures = Object.values(ALARM_RULES).map(({ cure }) => cure);
    const told = `${cures.join(" ")} ${runbook}`;
    const queries = [...told.matchAll(/(?:quer(?:y|ies)|Saved query|and) `?([a-z]+(?:-[a-z]+)+)`?/g)];
    const named = new Set(queries.map(([, name]) => name));
    expect([...named].filter((name) => !Object.hasOwn(LOG_QUERIES, String(name)))).to.deep.equal([]);
    expect(named.size).to.be.greaterThan(3);
  });
});

// Not proven here: that AWS raises an alarm when it should. The runtime's tests raise each by the fault that it is for.
