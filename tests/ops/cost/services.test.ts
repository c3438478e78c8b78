import { expect } from "chai";
import type { ResourceNode } from "../../../local/engine/graph.ts";
import { type Cost, costOf, createCost } from "../../../ops/cost/cost.ts";
import { dollarsOf, type PriceName, readPrices } from "../../../ops/cost/prices.ts";
import type { Baseline } from "../../../ops/shared/baseline.ts";
import type { Load } from "../../../ops/shared/load.ts";
import { graphOf, resourceNode } from "../../helpers/graph.ts";
import { aMonth, lambda, mapping, measured, node, quiet, route, T } from "./sketch.ts";

const prices = await readPrices();

const costFor = (resources: ResourceNode[], load: Load, baseline?: Baseline): Cost =>
  costOf(graphOf(...resources), load, prices, baseline);

const dollars = (cost: Cost, ...names: PriceName[]): number =>
  cost.lines.reduce((sum, line) => sum + (names.includes(line.price) ? line.dollars : 0), 0);

const quantity = (cost: Cost, name: PriceName): number =>
  cost.lines.reduce((sum, line) => sum + (line.price === name ? line.quantity : 0), 0);

const DAY_IN_MONTH = 24 / 730;

describe("ops/cost: Lambda", () => {
  // https://aws.amazon.com/lambda/pricing/, example 1: 512 MB, 3 million runs of 1 s each, with the free tier: $18.74
  it("comes to AWS's own example, with the free tier", () => {
    const graph = graphOf(...lambda("work", { memorySize: 512, arm: false }));
    const costUnder = createCost(graph, { prices, baseline: measured({ work: 1_000 }), freeTier: true });

    const cost = costUnder(quiet({ sources: { work: aMonth(3e6) } }));

    expect(quantity(cost, "lambda.durationX86")).to.be.closeTo(1_500_000, 1);
    expect(dollars(cost, "lambda.durationX86")).to.be.closeTo(1_100_000 * 0.0000166667, 0.001);
    expect(dollars(cost, "lambda.requests")).to.be.closeTo(0.4, 0.001);
  });

  it("bills the init of one run in a hundred, and storage over 512 MB", () => {
    const work = lambda("work", { memorySize: 1_024, diskMb: 1_536 });

    const cost = costFor(work, quiet({ sources: { work: aMonth(1e6) } }), measured({ work: 100 }, 200));

    // 100,000 s of work and 10,000 starts of 0.2 s, at 1 GB.
    expect(quantity(cost, "lambda.durationArm")).to.be.closeTo(102_000, 1);
    expect(quantity(cost, "lambda.ephemeral")).to.be.closeTo(102_000, 1);
    expect(dollars(cost, "lambda.ephemeral")).to.be.closeTo(102_000 * 0.0000000309, 1e-6);
  });

  // https://aws.amazon.com/blogs/compute/introducing-tiered-pricing-for-aws-lambda/
  it("takes a tenth off beyond 6 thousand million GB-seconds on x86, a fifth beyond 15", () => {
    const { entries } = prices;

    expect(dollarsOf(entries["lambda.durationX86"], 7e9)).to.be.closeTo(100_000.2 + 15_000, 0.01);
    expect(dollarsOf(entries["lambda.durationX86"], 16e9)).to.be.closeTo(100_000.2 + 135_000 + 13_333.4, 0.1);
  });

  it("bills provisioned environments while they wait, and their work at its own price", () => {
    const work = lambda("work", { memorySize: 1_024 });
    const config = node(
      T.provisioned,
      "warm",
      { provisionedConcurrentExecutions: 2 },
      { functionName: work[0]! },
    );
    const load = quiet({ sources: { work: 10 } });

    const cost = costFor([...work, config], load, measured({ work: 100 }, 500));

    expect(dollars(cost, "lambda.provisionedArm")).to.be.closeTo(2 * 730 * 3_600 * 0.0000033334, 0.001);
    expect(dollars(cost, "lambda.provisionedDurationArm")).to.be.closeTo(730 * 3_600 * 0.0000077778, 0.001);
    expect(quantity(cost, "lambda.durationArm")).to.equal(0);
  });

  it("bills every configuration of a function for its own environments", () => {
    const work = lambda("work", { memorySize: 1_024 });
    const [live, next] = [2, 3].map((count) =>
      node(
        T.provisioned,
        `warm ${count}`,
        { provisionedConcurrentExecutions: count },
        { functionName: work[0]! },
      ),
    ) as [ResourceNode, ResourceNode];

    const cost = costFor([...work, live, next], quiet());

    expect(quantity(cost, "lambda.provisionedArm")).to.be.closeTo(5 * 730 * 3_600, 1e-6);
  });

  describe("with autoscaling", () => {
    const work = lambda("work", { memorySize: 1_024 });
    const scaled = { resourceId: "function:work:live" };
    const config = node(
      T.provisioned,
      "warm",
      { provisionedConcurrentExecutions: 2 },
      { functionName: work[0]! },
    );
    const target = node("aws:appautoscaling/target:Target", "target", {
      ...scaled,
      minCapacity: 1,
      maxCapacity: 10,
    });
    const policy = (targetValue: number) =>
      node("aws:appautoscaling/policy:Policy", "policy", {
        ...scaled,
        targetTrackingScalingPolicyConfiguration: { targetValue },
      });
    const readyAt = (rate: number, ...policies: ResourceNode[]): number =>
      quantity(
        costFor(
          [...work, config, target, ...policies],
          quiet({ sources: { work: rate } }),
          measured({ work: 100 }),
        ),
        "lambda.provisionedArm",
      ) /
      (730 * 3_600);

    it("keeps as many environments as are busy, over the policy's target, between its bounds", () => {
      expect(readyAt(1, policy(0.7))).to.be.closeTo(1, 1e-9);
      expect(readyAt(35, policy(0.7))).to.be.closeTo(5, 1e-9);
      expect(readyAt(35, policy(0.5))).to.be.closeTo(7, 1e-9);
      expect(readyAt(1_000, policy(0.7))).to.be.closeTo(10, 1e-9);
    });

    it("keeps what is configured where no policy tracks anything", () => {
      expect(readyAt(35)).to.be.closeTo(2, 1e-9);
    });
  });

  // https://aws.amazon.com/xray/pricing/: 148,800 traces, 100,000 of them free, cost $0.24
  it("samples one request a second and a twentieth of the others, and prices traces as AWS's example does", () => {
    const cost = costFor(lambda("work", { traced: true }), quiet({ sources: { work: 21 } }));

    expect(quantity(cost, "xray.traces")).to.be.closeTo(2 * 730 * 3_600, 1e-3);
    expect(dollarsOf(prices.entries["xray.traces"], 148_800, true)).to.be.closeTo(0.244, 1e-9);
  });

  it("says which durations nobody has measured", () => {
    const { functions } = costFor(
      [...lambda("known"), ...lambda("new")],
      quiet({ sources: { known: 1, new: 1 } }),
      measured({ known: 7 }),
    );

    const [known, unknown] = ["known", "new"].map((name) => functions.find((each) => each.name === name));
    expect(known).to.include({ measured: true, durationMs: 7 });
    expect(unknown).to.include({ measured: false, durationMs: 50 });
  });
});

describe("ops/cost: Kinesis", () => {
  // https://aws.amazon.com/kinesis/data-streams/pricing/: 100 records/s of 35 KB need 4 shards ($1.44 a day) and make
  // 17,280,000 units of 25 KB a day ($0.2419).
  it("comes to AWS's own example of a provisioned stream", () => {
    const stream = node(T.stream, "stream", { shardCount: 4, retentionPeriod: 24 });
    const load = quiet({ sources: { stream: 100 }, readingBytes: 35 * 1024 });

    const cost = costFor([stream], load);

    expect(dollars(cost, "kinesis.shardHours") * DAY_IN_MONTH).to.be.closeTo(1.44, 1e-9);
    expect(quantity(cost, "kinesis.putUnits") * DAY_IN_MONTH).to.be.closeTo(17_280_000, 1);
    expect(dollars(cost, "kinesis.putUnits") * DAY_IN_MONTH).to.be.closeTo(0.2419, 1e-4);
    expect(dollars(cost, "kinesis.extendedShardHours")).to.equal(0);
  });

  it("rounds each record of an on-demand stream up to 1 KB, and bills each reader and each day over the first", () => {
    const stream = node(T.stream, "stream", {
      streamModeDetails: { streamMode: "ON_DEMAND" },
      retentionPeriod: 72,
      encryptionType: "KMS",
    });
    const [one, two] = [lambda("one"), lambda("two")];
    const load = quiet({ sources: { stream: aMonth(1024 ** 2) }, readingBytes: 150 });

    const cost = costFor([stream, ...one, ...two, mapping(stream, one), mapping(stream, two)], load);

    // 1,048,576 records of 1 KB are 1 GB.
    expect(dollars(cost, "kinesis.streamHours")).to.be.closeTo(29.2, 1e-9);
    expect(dollars(cost, "kinesis.dataIn")).to.be.closeTo(0.08, 1e-9);
    expect(dollars(cost, "kinesis.dataOut")).to.be.closeTo(0.08, 1e-9);
    expect(dollars(cost, "kinesis.extendedRetention")).to.be.closeTo((2 / (730 / 24)) * 0.1, 1e-9);
    // 4 shards, one writer and two readers, a key every five minutes.
    expect(quantity(cost, "kms.requests")).to.be.closeTo((4 * 3 * 730 * 3_600) / 300, 1e-6);
  });

  it("bills a consumer of its own by shard-hours and bytes", () => {
    const stream = node(T.stream, "stream", { shardCount: 2 });
    const consumer = node("aws:kinesis/streamConsumer:StreamConsumer", "fast", {}, { streamArn: stream });
    const load = quiet({ sources: { stream: aMonth(1024 ** 2) }, readingBytes: 1_024 });

    const cost = costFor([stream, consumer], load);

    expect(dollars(cost, "kinesis.fanOutShardHours")).to.be.closeTo(2 * 730 * 0.015, 1e-9);
    expect(dollars(cost, "kinesis.fanOutData")).to.be.closeTo(0.013, 1e-9);
  });
});

describe("ops/cost: DynamoDB", () => {
  const table = (inputs = {}) => node(T.table, "table", { billingMode: "PAY_PER_REQUEST", ...inputs });

  // https://aws.amazon.com/dynamodb/pricing/on-demand/: a write of 3 KB takes three units, a read of 8 KB two.
  it("counts units as AWS's examples do, and a write of 1 million units at $0.625", () => {
    const target = table();
    const at = (readingBytes: number) =>
      costFor([target], quiet({ sources: { table: aMonth(1e6) }, readingBytes }));

    expect(dollars(at(1_024), "dynamodb.writes")).to.be.closeTo(0.625, 1e-9);
    expect(quantity(at(3 * 1_024), "dynamodb.writes")).to.be.closeTo(3e6, 1);
  });

  it("writes each index too", () => {
    const indexed = table({ globalSecondaryIndexes: [{ name: "a" }, { name: "b" }] });

    const cost = costFor([indexed], quiet({ sources: { table: aMonth(1e6) } }));

    expect(quantity(cost, "dynamodb.writes")).to.be.closeTo(3e6, 1);
  });

  it("has a function read and write what its rights name, once per event where nobody knows better", () => {
    const target = table();
    const work = lambda("work", { may: [[target, ["dynamodb:GetItem", "dynamodb:PutItem"]]] });

    const cost = costFor([target, ...work], quiet({ sources: { work: aMonth(2e6) } }));

    expect(dollars(cost, "dynamodb.writes")).to.be.closeTo(1.25, 1e-9);
    expect(dollars(cost, "dynamodb.reads")).to.be.closeTo(0.25, 1e-9);
    expect(cost.lines.find(({ price }) => price === "dynamodb.writes")?.function).to.equal("work");
  });

  it("bills what is stored, and its backup where point-in-time recovery is on", () => {
    const target = table({ pointInTimeRecovery: { enabled: true } });
    const load = quiet({ sources: { table: aMonth(1024 ** 2) }, readingBytes: 1_024, storedMonths: 10 });

    const cost = costFor([target], load);

    expect(dollars(cost, "dynamodb.storage")).to.be.closeTo(2.5, 1e-9);
    expect(dollars(cost, "dynamodb.pointInTime")).to.be.closeTo(2, 1e-9);
  });

  // https://aws.amazon.com/dynamodb/pricing/provisioned/
  it("bills provisioned capacity by the hour, 25 units of each free for good", () => {
    const provisioned = node(T.table, "table", {
      billingMode: "PROVISIONED",
      writeCapacity: 100,
      readCapacity: 25,
    });
    const graph = graphOf(provisioned);
    const at = (freeTier: boolean) => createCost(graph, { prices, baseline: undefined, freeTier })(quiet());

    expect(dollars(at(false), "dynamodb.writeUnitHours")).to.be.closeTo(47.45, 1e-9);
    expect(dollars(at(true), "dynamodb.writeUnitHours")).to.be.closeTo(47.45 * 0.75, 1e-9);
    expect(dollars(at(true), "dynamodb.readUnitHours")).to.equal(0);
  });
});

describe("ops/cost: S3", () => {
  // https://aws.amazon.com/s3/faqs/: 310,000 PUT requests cost $1.55, 620,000 GET requests $0.25.
  it("comes to AWS's own example of requests", () => {
    const bucket = node(T.bucket, "files");
    const work = lambda("work", { may: [[bucket, ["s3:GetObject"]]] });
    const load = quiet({ sources: { files: aMonth(310_000), work: aMonth(620_000) } });

    const cost = costFor([bucket, ...work], load);

    expect(dollars(cost, "s3.puts")).to.be.closeTo(1.55, 1e-9);
    expect(dollars(cost, "s3.gets")).to.be.closeTo(0.248, 1e-9);
  });

  it("keeps what was put there until it expires", () => {
    const bucket = node(T.bucket, "files");
    const rules = [{ expiration: { days: 73 }, filter: {} }];
    const expiring = [bucket, node(T.lifecycle, "rules", { rules }, { bucket })];
    const load = quiet({ sources: { files: aMonth(1024) }, readingBytes: 1_000_000, storedMonths: 12 });
    const gb = (1024 * 1e6) / 1024 ** 3;

    expect(quantity(costFor([bucket], load), "s3.storage")).to.be.closeTo(12 * gb, 1e-9);
    expect(quantity(costFor(expiring, load), "s3.storage")).to.be.closeTo((73 / (730 / 24)) * gb, 1e-9);
    expect(dollarsOf(prices.entries["s3.storage"], 60_000)).to.be.closeTo(
      51_200 * 0.023 + 8_800 * 0.022,
      1e-6,
    );
  });
});

describe("ops/cost: messages and events", () => {
  // https://aws.amazon.com/sqs/pricing/
  it("counts a queue's sends, receives, deletes, and polls while it is empty", () => {
    const queue = node(T.queue, "jobs");
    const work = lambda("work");

    const cost = costFor(
      [queue, ...work, mapping(queue, work, { batchSize: 10 })],
      quiet({ sources: { jobs: aMonth(1e6) } }),
    );

    const polls = 0.25 * 730 * 3_600;
    expect(quantity(cost, "sqs.standard")).to.be.closeTo(3e6 + polls, 1);
    expect(dollars(cost, "sqs.standard")).to.be.closeTo((3 + polls / 1e6) * 0.4, 1e-6);
  });

  it("prices a FIFO queue as one, and counts a message of 65 KB as two requests", () => {
    const queue = node(T.queue, "jobs", { fifoQueue: true });

    const cost = costFor([queue], quiet({ sources: { jobs: aMonth(1e6) }, readingBytes: 65 * 1024 }));

    expect(dollars(cost, "sqs.fifo")).to.be.closeTo(1, 1e-9);
  });

  // https://aws.amazon.com/sns/pricing/
  it("bills what a topic takes and what it mails; deliveries to queues are free", () => {
    const topic = node(T.topic, "alarms");
    const mail = node(T.subscription, "mail", { protocol: "email" }, { topic });
    const queue = node(T.subscription, "queue", { protocol: "sqs" }, { topic });

    const cost = costFor([topic, mail, queue], quiet({ sources: { alarms: aMonth(2e6) } }));

    expect(dollars(cost, "sns.publishes")).to.be.closeTo(1, 1e-9);
    expect(dollars(cost, "sns.emails")).to.be.closeTo(40, 1e-9);
    expect(cost.free.map(({ type }) => type)).to.deep.equal(["aws:sns:TopicSubscription"]);
  });

  // https://aws.amazon.com/eventbridge/pricing/
  it("bills a bus's events, and what an archive takes and keeps", () => {
    const bus = node(T.bus, "bus");
    const archive = node(T.archive, "archive", { retentionDays: 73 }, { eventSourceArn: bus });
    const load = quiet({ sources: { bus: aMonth(1024 ** 2) }, readingBytes: 1_024, storedMonths: 12 });

    const cost = costFor([bus, archive], load);

    expect(dollars(cost, "events.custom")).to.be.closeTo(1.048576, 1e-6);
    expect(dollars(cost, "events.archived")).to.be.closeTo(0.1, 1e-9);
    expect(dollars(cost, "events.archiveStorage")).to.be.closeTo(2.4 * 0.023, 1e-9);
  });

  it("counts a schedule's runs by its expression", () => {
    const work = lambda("work");
    const schedule = (scheduleExpression: string, state = "ENABLED") =>
      quantity(
        costFor(
          [...work, node(T.schedule, "clock", { scheduleExpression, state }, { target: work[0]! })],
          quiet(),
        ),
        "scheduler.invocations",
      );

    expect(schedule("rate(15 minutes)")).to.be.closeTo(2_920, 1e-6);
    expect(schedule("cron(30 0 * * ? *)")).to.be.closeTo(730 / 24, 1e-9);
    expect(schedule("cron(0/10 8-17 ? * MON-FRI *)")).to.be.closeTo((6 * 10 * 730) / 24 / 7, 1e-9);
    expect(schedule("rate(1 minute)", "DISABLED")).to.equal(0);
  });

  // https://aws.amazon.com/iot-core/pricing/: $0.08 per million minutes, $1 per million messages, $0.15 per million
  // rules and as much per million actions.
  it("bills a device's connection, messages, rules and actions", () => {
    const stream = node(T.stream, "stream", { shardCount: 100 });
    const rule = node(T.iotRule, "rule", { kineses: [{}] }, { kineses: stream });
    const load = quiet({ devices: 1_000, everySeconds: 10, mqttShare: 1, readingBytes: 6_000 });

    const cost = costFor([stream, rule], load);

    // 262.8 million messages of 6,000 bytes, each two of 5 KB.
    expect(dollars(cost, "iot.minutes")).to.be.closeTo(1_000 * 43_800 * 0.08e-6, 1e-6);
    expect(dollars(cost, "iot.messages")).to.be.closeTo(262.8 * 2, 1e-6);
    expect(dollars(cost, "iot.rules")).to.be.closeTo(262.8 * 2 * 0.15, 1e-6);
    expect(dollars(cost, "iot.actions")).to.be.closeTo(262.8 * 2 * 0.15, 1e-6);
    expect(quantity(cost, "kinesis.putUnits")).to.be.closeTo(262.8e6, 1);
  });
});

describe("ops/cost: the API", () => {
  const api = node(T.api, "api", { protocolType: "HTTP" });
  const work = lambda("work");

  // https://docs.aws.amazon.com/whitepapers/latest/best-practices-api-gateway-private-apis-integration/cost-optimization.html
  it("bills 300 million requests at $1 a million, and the others at $0.90", () => {
    const cost = costFor(
      [api, ...work, ...route(api, "GET /things", work)],
      quiet({ apiReadsPerSecond: aMonth(400e6) }),
    );

    expect(dollars(cost, "apigateway.http")).to.be.closeTo(390, 1e-6);
  });

  it("bills what clients fetch, with the objects behind presigned addresses", () => {
    const bucket = node(T.bucket, "pictures");
    const show = lambda("show", { may: [[bucket, ["s3:GetObject"]]] });
    const load = quiet({ apiReadsPerSecond: aMonth(1e6) });

    const cost = costFor([api, bucket, ...show, ...route(api, "GET /pictures", show)], load);

    expect(quantity(cost, "transfer.out")).to.be.closeTo((1e6 * (2_000 + 50_000)) / 1024 ** 3, 1e-6);
  });

  it("counts detailed metrics for the routes in use, and an access log line for each request", () => {
    const log = node(T.logGroup, "access-log");
    const settings = { defaultRouteSettings: { detailedMetricsEnabled: true } };
    const stage = node(T.stage, "stage", settings, { apiId: api, accessLogSettings: log });
    const graph = [
      api,
      stage,
      log,
      ...work,
      ...route(api, "GET /things", work),
      ...route(api, "POST /x", work),
    ];

    const cost = costFor(graph, quiet({ sources: { "GET /things": aMonth(2e6), "POST /x": 0 } }));

    const metrics = cost.lines.filter(({ resource }) => resource === "stage");
    expect(metrics.reduce((sum, line) => sum + line.dollars, 0)).to.be.closeTo(6 * 0.3, 1e-9);
    expect(quantity(cost, "logs.ingested")).to.be.closeTo((2e6 * 500 + 2e6 * 1_000) / 1024 ** 3, 1e-9);
  });

  // https://aws.amazon.com/cognito/pricing/: $6 a client, $2.25 per 1,000 tokens; 57,000 tokens cost $128.25
  it("bills a machine's client and each token that its callers fetch", () => {
    const client = node(T.client, "client", {
      allowedOauthFlows: ["client_credentials"],
      accessTokenValidity: 60,
      tokenValidityUnits: { accessToken: "minutes" },
    });

    const cost = costFor([client], quiet({ apiCallers: 57_000 / 730 }));

    expect(dollars(cost, "cognito.clients")).to.equal(6);
    expect(dollars(cost, "cognito.tokens")).to.be.closeTo(128.25, 1e-9);
  });

  it("shares callers and devices that send by HTTP among a program's clients, each with its token's life", () => {
    const [hourly, daily] = ["hours", "days"].map((unit) =>
      node(T.client, unit, {
        allowedOauthFlows: ["client_credentials"],
        accessTokenValidity: 1,
        tokenValidityUnits: { accessToken: unit },
      }),
    ) as [ResourceNode, ResourceNode];

    const cost = costFor([hourly, daily], quiet({ apiCallers: 10, devices: 240, httpShare: 0.5 }));

    expect(quantity(cost, "cognito.tokens")).to.be.closeTo(65 * 730 + (65 * 730) / 24, 1e-6);
  });

  it("does not price what it cannot count: users who sign in, another kind of API", () => {
    const { notPriced } = costFor(
      [
        node(T.client, "web", { allowedOauthFlows: ["code"] }),
        node(T.api, "chat", { protocolType: "WEBSOCKET" }),
      ],
      quiet(),
    );

    expect(notPriced.map(({ resource }) => resource)).to.deep.equal(["web", "chat"]);
  });
});

describe("ops/cost: operations", () => {
  // https://aws.amazon.com/cloudwatch/pricing/
  it("bills alarms by their metrics, dashboards each, and composite alarms", () => {
    const query = (id: string, metric = true) => ({ id, ...(metric && { metric: {} }) });
    const cost = costFor(
      [
        node(T.alarm, "plain"),
        node(T.alarm, "math", { metricQueries: [query("a"), query("b"), query("c", false)] }),
        node(T.alarm, "band", {
          metricQueries: [query("a"), { id: "b", expression: "ANOMALY_DETECTION_BAND(a)" }],
        }),
        node(T.alarm, "fast", { period: 10 }),
        node("aws:cloudwatch/compositeAlarm:CompositeAlarm", "both"),
        node("aws:cloudwatch/dashboard:Dashboard", "stack"),
      ],
      quiet(),
    );

    expect(dollars(cost, "cloudwatch.alarms")).to.be.closeTo(0.6, 1e-9);
    expect(dollars(cost, "cloudwatch.fastAlarms")).to.be.closeTo(0.3, 1e-9);
    expect(dollars(cost, "cloudwatch.compositeAlarms")).to.be.closeTo(0.5, 1e-9);
    expect(dollars(cost, "cloudwatch.dashboards")).to.equal(3);
  });

  it("bills log lines as they come and as they stay, an API's own at the vended price", () => {
    const own = resourceNode(T.logGroup, "vended", { outputs: { name: "/aws/vendedlogs/api" } });
    const group = node(T.logGroup, "logs", { retentionInDays: 73 });
    const lines = aMonth(1024 ** 2);
    const load = quiet({
      sources: { logs: lines, vended: lines },
      readingBytes: 1_024,
      storedMonths: 12,
    });

    const cost = costFor([own, group], load);

    expect(dollars(cost, "logs.ingested")).to.be.closeTo(0.5, 1e-9);
    expect(dollars(cost, "logs.vended")).to.be.closeTo(0.5, 1e-9);
    expect(quantity(cost, "logs.stored")).to.be.closeTo((2.4 + 12) * 0.15, 1e-9);
    expect(dollarsOf(prices.entries["logs.vended"], 20_480)).to.be.closeTo(5_120 + 2_560, 1e-6);
  });

  // https://aws.amazon.com/kms/pricing/: a key and 2,000,000 requests, 20,000 of them free, cost $6.94
  it("comes to AWS's own example of a key", () => {
    const key = costFor([node("aws:kms/key:Key", "key")], quiet());

    const requests = dollarsOf(prices.entries["kms.requests"], 2e6, true);
    expect(dollars(key, "kms.keys") + requests).to.be.closeTo(6.94, 1e-9);
  });

  // https://aws.amazon.com/athena/pricing/: a query over 3 TB costs $15
  it("comes to AWS's own example of a query", () => {
    const load = quiet({ queriedBytesPerDay: (3 * 1024 ** 4) / (730 / 24) });

    expect(dollars(costFor([node(T.workgroup, "sql")], load), "athena.scanned")).to.be.closeTo(15, 1e-9);
  });

  // https://aws.amazon.com/elasticache/pricing/: Valkey is metered for at least 100 MB, about $6 a month
  it("bills a cache's least size, and a unit for each KB of a command", () => {
    const cache = node(T.cache, "cache", { engine: "valkey" });
    const work = lambda("work", { may: [[cache, ["elasticache:Connect"]]] });

    const cost = costFor([cache, ...work], quiet({ sources: { work: aMonth(1e9) } }));

    expect(dollars(cost, "elasticache.valkeyStorage")).to.be.closeTo(6.132, 1e-9);
    expect(dollars(cost, "elasticache.valkeyUnits")).to.be.closeTo(2.3, 1e-9);
  });

  it("bills NAT gateways, interface endpoints and addresses, and no gateway endpoint", () => {
    const network = (strategy: string) => {
      const vpc = node("awsx:ec2:Vpc", "vpc", { natGateways: { strategy }, numberOfAvailabilityZones: 2 });
      return costFor([{ ...vpc, custom: false, remote: true }], quiet()).dollars;
    };
    const endpoint = (inputs: object) =>
      costFor([node("aws:ec2/vpcEndpoint:VpcEndpoint", "endpoint", { ...inputs })], quiet()).dollars;

    expect(network("None")).to.equal(0);
    expect(network("Single")).to.be.closeTo(730 * 0.05, 1e-9);
    expect(network("OnePerAz")).to.be.closeTo(2 * 730 * 0.05, 1e-9);
    expect(endpoint({ vpcEndpointType: "Gateway" })).to.equal(0);
    expect(endpoint({ vpcEndpointType: "Interface", subnetIds: ["a", "b"] })).to.be.closeTo(14.6, 1e-9);
  });

  it("has CodeDeploy, budgets, identities and Glue's first million objects for nothing", () => {
    const cost = costFor(
      [
        node("aws:codedeploy/application:Application", "release"),
        node("aws:budgets/budget:Budget", "budget"),
        node(T.role, "role"),
        node("aws:glue/catalogTable:CatalogTable", "readings"),
      ],
      quiet(),
    );

    expect(cost.dollars).to.equal(0);
    expect(cost.notPriced).to.deep.equal([]);
    expect(cost.free.map(({ why }) => /https:\/\/aws\.amazon\.com\/\S+$/.test(why))).to.deep.equal([
      true,
      true,
      true,
    ]);
    expect(dollarsOf(prices.entries["glue.objects"], 1_100_000)).to.be.closeTo(1, 1e-9);
  });
});

// Not proven here: that the prices are those of today. The file says when they were taken, and where from.
