import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { Function, type FunctionArgs } from "../../components/function.ts";
import { HttpApi } from "../../components/http-api.ts";
import type { LiveSettings } from "../../components/live-alias.ts";
import { find, type Registered, recordResources, resolved } from "../helpers/mocks.ts";
import { ROOT } from "../helpers/source-files.ts";

const ALIAS = "aws:lambda/alias:Alias";
const ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm";
const GROUP = "aws:codedeploy/deploymentGroup:DeploymentGroup";
const CANARY = { canary: { percent: 10, minutes: 10 } };

/** Everything that a function of these settings is made of, with `last` among it. */
async function create(
  args: LiveSettings & Partial<FunctionArgs<unknown, unknown>>,
  last: string,
): Promise<{ resources: Registered[]; made: Function }> {
  const resources = recordResources();
  const made = new Function("job", { callback: async () => "done", ...args });
  await resolved(made.arn);
  while (!resources.some(({ name }) => name === last)) await new Promise(setImmediate);
  return { resources, made };
}

const typesOf = (resources: Registered[]): string[] =>
  resources
    .filter(({ type }) => type.startsWith("aws:"))
    .map(({ type, name }) => `${type.split(":").at(-1)} ${name}`);

describe("A function without releases or warm environments", () => {
  it("has no alias, and triggers invoke the function itself", async () => {
    const { resources, made } = await create({}, "job-function");
    expect(resources.some(({ type }) => type === ALIAS)).to.equal(false);
    expect(await resolved(made.arn)).to.equal("arn:aws:test:::job-function");
    expect(made.qualifier).to.equal(undefined);
    expect(find(resources, "aws:lambda/function:Function", "job-function")).not.to.have.property("publish");
  });
});

describe("A function with provisioned concurrency", () => {
  it("publishes versions, and has an alias that triggers invoke", async () => {
    const { resources, made } = await create({ provisionedConcurrency: 2 }, "job-provisioned");
    expect(find(resources, "aws:lambda/function:Function", "job-function").publish).to.equal(true);
    expect(find(resources, ALIAS, "job-live")).to.include({
      name: "live",
      functionName: "job-function-1234567",
    });
    expect(await resolved(made.arn)).to.equal("arn:aws:test:::job-live");
    expect(made.qualifier && (await resolved(made.qualifier))).to.equal("live");
  });

  it("keeps a plain number as it is, without autoscaling", async () => {
    const { resources } = await create({ provisionedConcurrency: 2 }, "job-provisioned");
    expect(
      find(
        resources,
        "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig",
        "job-provisioned",
      ),
    ).to.deep.equal({
      functionName: "job-function-1234567",
      qualifier: "live",
      provisionedConcurrentExecutions: 2,
    });
    expect(typesOf(resources).filter((text) => /Target|Policy job-util/.test(text))).to.deep.equal([]);
  });

  it("follows the load between bounds, aiming at 70 % of the environments in use", async () => {
    const { resources } = await create(
      { provisionedConcurrency: { minimum: 1, maximum: 20 } },
      "job-utilization",
    );
    expect(find(resources, "aws:appautoscaling/target:Target", "job-scaling")).to.deep.include({
      serviceNamespace: "lambda",
      scalableDimension: "lambda:function:ProvisionedConcurrency",
      resourceId: "function:job-function-1234567:live",
      minCapacity: 1,
      maxCapacity: 20,
    });
    expect(find(resources, "aws:appautoscaling/policy:Policy", "job-utilization")).to.deep.include({
      policyType: "TargetTrackingScaling",
      targetTrackingScalingPolicyConfiguration: {
        targetValue: 0.7,
        predefinedMetricSpecification: { predefinedMetricType: "LambdaProvisionedConcurrencyUtilization" },
      },
    });
  });

  it("configures asynchronous invocations for the alias, which has settings of its own", async () => {
    const { resources } = await create({ provisionedConcurrency: 1, asyncInvoke: {} }, "job-async");
    expect(
      find(resources, "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig", "job-async")
        .qualifier,
    ).to.equal("live");
  });
});

describe("A function with a canary", () => {
  it("is moved by CodeDeploy, with the alarms of its new version as triggers of a rollback", async () => {
    const { resources } = await create({ deployment: CANARY }, "job-canary");
    expect(typesOf(resources).sort()).to.deep.equal([
      "Alias job-live",
      "Application job-deployments",
      "DeploymentGroup job-canary",
      "Function job-function",
      "LogGroup job-logs",
      "MetricAlarm job-canary-errors",
      "MetricAlarm job-canary-slow",
      "Role job-deploy-role",
      "Role job-role",
      "RolePolicy job-deploy-policy",
      "RolePolicy job-policy",
    ]);
    expect(find(resources, GROUP, "job-canary")).to.deep.include({
      deploymentGroupName: "job",
      deploymentConfigName: "CodeDeployDefault.LambdaCanary10Percent10Minutes",
      deploymentStyle: { deploymentType: "BLUE_GREEN", deploymentOption: "WITH_TRAFFIC_CONTROL" },
      alarmConfiguration: { enabled: true, alarms: ["job-canary-errors-1234567", "job-canary-slow-1234567"] },
      autoRollbackConfiguration: {
        enabled: true,
        events: ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"],
      },
    });
  });

  it("watches the new version alone, through the alias", async () => {
    const { resources } = await create({ deployment: CANARY, timeout: 20 }, "job-canary-slow");
    const { dimensions, threshold, extendedStatistic } = find(resources, ALARM, "job-canary-slow");
    expect(dimensions).to.deep.equal({
      FunctionName: "job-function-1234567",
      Resource: "job-function-1234567:live",
      ExecutedVersion: "7",
    });
    expect([threshold, extendedStatistic]).to.deep.equal([16_000, "p99"]);
    const { metricQueries, ...errors } = find(resources, ALARM, "job-canary-errors");
    expect(errors.threshold).to.equal(1);
    expect((metricQueries as { expression?: string }[]).at(-1)?.expression).to.equal(
      "IF(invocations > 0, 100 * errors / invocations, 0)",
    );
  });

  it("makes a configuration of its own for steps that CodeDeploy has none for", async () => {
    const { resources } = await create(
      { deployment: { canary: { percent: 25, minutes: 3, errorPercent: 5 } } },
      "job-canary-errors",
    );
    expect(
      find(resources, "aws:codedeploy/deploymentConfig:DeploymentConfig", "job-steps").trafficRoutingConfig,
    ).to.deep.equal({ type: "TimeBasedCanary", timeBasedCanary: { interval: 3, percentage: 25 } });
    expect(find(resources, ALARM, "job-canary-errors").threshold).to.equal(5);
  });

  it("lets CodeDeploy do what a shift needs on this function, and read these alarms", async () => {
    const { resources } = await create({ deployment: CANARY }, "job-canary");
    const { policy } = find(resources, "aws:iam/rolePolicy:RolePolicy", "job-deploy-policy");
    expect(JSON.parse(String(policy)).Statement).to.deep.equal([
      {
        Effect: "Allow",
        Action: ["lambda:GetAlias", "lambda:GetProvisionedConcurrencyConfig", "lambda:UpdateAlias"],
        Resource: ["arn:aws:test:::job-function", "arn:aws:test:::job-live"],
      },
      {
        Effect: "Allow",
        Action: ["cloudwatch:DescribeAlarms"],
        Resource: ["arn:aws:test:::job-canary-errors", "arn:aws:test:::job-canary-slow"],
      },
    ]);
  });
});

describe("A canary's alarms", () => {
  it("send their reader to a section that the runbook has", async () => {
    const { resources } = await create({ deployment: CANARY }, "job-canary-slow");
    const runbook = readFileSync(join(ROOT, "docs", "operations.md"), "utf8");
    expect(runbook).to.match(/^## A release was taken back$/m);
    for (const name of ["job-canary-errors", "job-canary-slow"])
      expect(find(resources, ALARM, name).alarmDescription).to.contain(
        "docs/operations.md#a-release-was-taken-back",
      );
  });
});

describe("A route with a canary", () => {
  it("counts what the new version answers with 5xx, which Lambda takes for a success", async () => {
    const resources = recordResources();
    const api = new HttpApi("api", {});
    api.route("GET /things", { auth: "none", deployment: CANARY, callback: async () => ({ body: {} }) });
    while (!resources.some(({ name }) => name === "api-get-things-canary")) await new Promise(setImmediate);
    const { metricQueries } = find(resources, ALARM, "api-get-things-canary-errors");
    const queries = metricQueries as { id: string; expression?: string; metric?: object }[];
    expect(queries.find(({ id }) => id === "failures")?.metric).to.deep.equal({
      namespace: "HttpApi",
      metricName: "serverErrors",
      dimensions: { function: "api-get-things-function-1234567", version: "7" },
      period: 60,
      stat: "Sum",
    });
    expect(queries.at(-1)?.expression).to.equal(
      "IF(invocations > 0, 100 * (errors + FILL(failures, 0)) / invocations, 0)",
    );
  });

  it("lets API Gateway invoke the alias", async () => {
    const resources = recordResources();
    const api = new HttpApi("api", {});
    api.route("GET /things", { auth: "none", deployment: CANARY, callback: async () => ({ body: {} }) });
    while (!resources.some(({ name }) => name === "api-get-things-permission"))
      await new Promise(setImmediate);
    expect(
      find(resources, "aws:lambda/permission:Permission", "api-get-things-permission").qualifier,
    ).to.equal("live");
  });
});

describe("Releases and warm environments that AWS would refuse", () => {
  const refused: [string, Partial<FunctionArgs<unknown, unknown>>, RegExp][] = [
    [
      "no environment",
      { provisionedConcurrency: 0 },
      /"job": provisionedConcurrency is 0; .* from 1 to 100000/,
    ],
    [
      "fewer at most than at least",
      { provisionedConcurrency: { minimum: 5, maximum: 4 } },
      /maximum is 4; .* from 5/,
    ],
    [
      "no upper bound",
      { provisionedConcurrency: { minimum: 5 } as never },
      /provisionedConcurrency.maximum is NaN; .* from 5/,
    ],
    [
      "a share above 0.9",
      { provisionedConcurrency: { minimum: 1, maximum: 2, utilization: 1 } },
      /utilization is 1; /,
    ],
    [
      "an unknown bound",
      { provisionedConcurrency: { minimum: 1, maximum: 2, max: 3 } as never },
      /unknown argument "max"/,
    ],
    [
      "more than is reserved",
      { provisionedConcurrency: 5, reservedConcurrentExecutions: 4 },
      /above reservedConcurrentExecutions 4; AWS refuses that. Reserve at least 5/,
    ],
    [
      "a share of 100 %",
      { deployment: { canary: { percent: 100, minutes: 5 } } },
      /canary.percent is 100; .* 1 to 99/,
    ],
    [
      "no minutes",
      { deployment: { canary: { percent: 10 } as never } },
      /canary.minutes is .*; .* 1 to 2880/,
    ],
    ["no canary", { deployment: {} as never }, /deployment has no canary. Set it/],
    ["an unknown key", { deployment: { ...CANARY, linear: true } as never }, /unknown argument "linear"/],
    [
      "more alarms than CodeDeploy takes",
      { deployment: { ...CANARY, alarms: Array(9).fill({ name: "a", arn: "b" }) } },
      /has 9 alarms; it may have 8/,
    ],
  ];
  for (const [what, args, message] of refused) {
    it(`are refused by name: ${what}`, () => {
      recordResources();
      expect(() => new Function("job", { callback: async () => {}, ...args })).to.throw(message);
    });
  }
});
