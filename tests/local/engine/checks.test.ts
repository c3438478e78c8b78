import { expect } from "chai";
import { checkGraph, formatProblem } from "../../../local/engine/checks.ts";
import type { PropertyMap, ResourceNode } from "../../../local/engine/graph.ts";
import { graphOf, resourceNode } from "../../helpers/graph.ts";

interface Sketch {
  inputs?: PropertyMap;
  /** Property -> names of the resources that its value comes from. */
  from?: Record<string, string[]>;
  dependsOn?: string[];
}

const node = (type: string, name: string, sketch: Sketch = {}): ResourceNode => {
  const from = sketch.from ?? {};
  return resourceNode(type, name, {
    urn: name,
    inputs: sketch.inputs ?? {},
    outputs: { name, ...sketch.inputs },
    dependencies: [...Object.values(from).flat(), ...(sketch.dependsOn ?? [])],
    propertyDependencies: from,
  });
};

const allow = (...actions: string[]) =>
  JSON.stringify({ Statement: [{ Effect: "Allow", Action: actions, Resource: "*" }] });

const READ_STREAM = ["kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:ListShards"];

const stream = node("aws:kinesis/stream:Stream", "telemetry");
const role = node("aws:iam/role:Role", "role");
const policy = (...actions: string[]) =>
  node("aws:iam/rolePolicy:RolePolicy", "policy", {
    inputs: { policy: allow(...actions) },
    from: { role: ["role"] },
  });
const lambda = (sketch: Sketch = {}) =>
  node("aws:lambda/function:Function", "aggregate", {
    inputs: { timeout: 30, ...sketch.inputs },
    from: { role: ["role"], ...sketch.from },
    dependsOn: sketch.dependsOn ?? ["policy"],
  });
const mapping = (source: string, sketch: Sketch = {}) =>
  node("aws:lambda/eventSourceMapping:EventSourceMapping", "mapping", {
    ...sketch,
    from: { eventSourceArn: [source], functionName: ["aggregate"], ...sketch.from },
  });

const rulesBroken = (...resources: ResourceNode[]) =>
  checkGraph(graphOf(...resources)).map((problem) => problem.rule);

describe("local/engine/checks", () => {
  it("has nothing to say about a function that waits for its policy and its mapping", () => {
    expect(rulesBroken(stream, role, policy(...READ_STREAM), lambda(), mapping("telemetry"))).to.deep.equal(
      [],
    );
  });

  it("wants a function and its mapping after the policies of the role", () => {
    const broken = [
      stream,
      role,
      policy(...READ_STREAM),
      lambda({ dependsOn: [] }),
      mapping("telemetry"),
    ] as const;

    const problems = checkGraph(graphOf(...broken));

    expect(problems.map((problem) => problem.rule)).to.deep.equal([
      "function-after-policies",
      "mapping-after-policies",
    ]);
    expect(formatProblem(problems[1]!)).to.equal(
      'aws:lambda/eventSourceMapping:EventSourceMapping "mapping" may be created before the role of "aggregate" has aws:iam/rolePolicy:RolePolicy "policy". Add the policy "policy" to the mapping\'s dependsOn, or to the function\'s.',
    );
  });

  it("leaves a policy alone that itself needs the function", () => {
    const late = node("aws:iam/rolePolicy:RolePolicy", "late", {
      inputs: { policy: allow("lambda:InvokeFunction") },
      from: { role: ["role"], policy: ["aggregate"] },
    });

    expect(rulesBroken(role, policy(), lambda(), late)).to.deep.equal([]);
  });

  it("wants a function after its log group", () => {
    const logs = node("aws:cloudwatch/logGroup:LogGroup", "logs", {
      inputs: { name: "/aws/lambda/aggregate" },
    });

    expect(rulesBroken(role, policy(), lambda(), logs)).to.deep.equal(["function-after-log-group"]);
    expect(rulesBroken(role, policy(), lambda({ dependsOn: ["policy", "logs"] }), logs)).to.deep.equal([]);
  });

  it("wants a bucket notification after the permission of its function", () => {
    const permission = node("aws:lambda/permission:Permission", "permission", {
      from: { function: ["aggregate"] },
    });
    const notification = (dependsOn: string[]) =>
      node("aws:s3/bucketNotification:BucketNotification", "notification", {
        inputs: { lambdaFunctions: [{ events: ["s3:ObjectCreated:*"] }] },
        from: { lambdaFunctions: ["aggregate"] },
        dependsOn,
      });
    const rest = [role, policy(), lambda()];

    expect(rulesBroken(...rest, notification([]))).to.deep.equal(["notification-after-grants"]);
    expect(rulesBroken(...rest, permission, notification([]))).to.deep.equal(["notification-after-grants"]);
    expect(rulesBroken(...rest, permission, notification(["permission"]))).to.deep.equal([]);
  });

  it("wants a bucket notification after its queue's policy", () => {
    const queue = node("aws:sqs/queue:Queue", "jobs");
    const queuePolicy = node("aws:sqs/queuePolicy:QueuePolicy", "jobs-policy", {
      from: { queueUrl: ["jobs"] },
    });
    const notification = (dependsOn: string[]) =>
      node("aws:s3/bucketNotification:BucketNotification", "notification", {
        inputs: { queues: [{ events: ["s3:ObjectCreated:*"] }] },
        from: { queues: ["jobs"] },
        dependsOn,
      });

    const [problem] = checkGraph(graphOf(queue, notification([])));

    expect(problem?.message).to.contain("has no queue policy for s3.amazonaws.com");
    expect(rulesBroken(queue, queuePolicy, notification(["jobs-policy"]))).to.deep.equal([]);
  });

  it("wants the role to read the source and to reach the destination", () => {
    const queue = node("aws:sqs/queue:Queue", "failed", { inputs: { visibilityTimeoutSeconds: 180 } });
    const withDestination = mapping("telemetry", {
      inputs: { destinationConfig: { onFailure: { destinationArn: "arn:..." } } },
      from: { destinationConfig: ["failed"] },
    });

    const problems = checkGraph(
      graphOf(stream, queue, role, policy("kinesis:Get*"), lambda(), withDestination),
    );

    expect(problems.map((problem) => problem.message)).to.deep.equal([
      'aws:lambda/eventSourceMapping:EventSourceMapping "mapping": the role of "aggregate" may not read from aws:kinesis/stream:Stream "telemetry": it lacks kinesis:ListShards.',
      'aws:lambda/eventSourceMapping:EventSourceMapping "mapping": the role of "aggregate" may not send to aws:sqs/queue:Queue "failed": it lacks sqs:SendMessage.',
    ]);
  });

  it("does not judge rights that it cannot see", () => {
    const managed = node("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "policy", {
      inputs: { policyArn: "arn:aws:iam::aws:policy/service-role/AWSLambdaKinesisExecutionRole" },
      from: { role: ["role"] },
    });

    expect(rulesBroken(stream, role, managed, lambda(), mapping("telemetry"))).to.deep.equal([]);
  });

  it("weighs the environment as JSON against 4 KB", () => {
    const variables = (length: number) => ({ environment: { variables: { BIG: "x".repeat(length) } } });

    expect(rulesBroken(role, policy(), lambda({ inputs: variables(4086) }))).to.deep.equal([]);
    expect(rulesBroken(role, policy(), lambda({ inputs: variables(4087) }))).to.deep.equal([
      "environment-fits",
    ]);
  });

  it("wants a function behind an API to end before the API gives up, through an alias too", () => {
    const alias = node("aws:lambda/alias:Alias", "live", { from: { functionName: ["aggregate"] } });
    const integration = node("aws:apigatewayv2/integration:Integration", "route", {
      from: { integrationUri: ["live"] },
    });

    expect(rulesBroken(role, policy(), lambda(), alias, integration)).to.deep.equal(["api-timeout-fits"]);
    expect(
      rulesBroken(role, policy(), lambda({ inputs: { timeout: 29 } }), alias, integration),
    ).to.deep.equal([]);
  });

  it("wants a queue to hide messages for as long as their function may run", () => {
    const queue = (seconds: number) =>
      node("aws:sqs/queue:Queue", "jobs", { inputs: { visibilityTimeoutSeconds: seconds } });
    const read = policy("sqs:*");

    expect(rulesBroken(queue(29), role, read, lambda(), mapping("jobs"))).to.deep.equal(["visibility-fits"]);
    expect(rulesBroken(queue(30), role, read, lambda(), mapping("jobs"))).to.deep.equal([]);
  });

  describe("of aliases and releases", () => {
    const alias = (version: string, routingConfig: PropertyMap | null = null) =>
      node("aws:lambda/alias:Alias", "live", {
        inputs: { functionVersion: version, routingConfig },
        from: { functionName: ["aggregate"] },
      });
    const provisioned = (count: number, inputs: PropertyMap = {}) =>
      node("aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig", "warm", {
        inputs: { qualifier: "live", provisionedConcurrentExecutions: count, ...inputs },
        from: { functionName: ["aggregate"], qualifier: ["live"] },
      });
    const taken = (...more: ResourceNode[]) => rulesBroken(role, policy(), ...more);

    it("keeps environments warm for published versions only", () => {
      expect(taken(lambda(), alias("1"), provisioned(2))).to.deep.equal([]);
      expect(taken(lambda(), alias("$LATEST"), provisioned(2))).to.deep.equal(["provisioned-is-published"]);
      expect(taken(lambda(), alias("1"), provisioned(2, { qualifier: "$LATEST" }))).to.deep.equal([
        "provisioned-is-published",
      ]);
    });

    it("holds them to the function's reservation and the account's pool", () => {
      const reserving = lambda({ inputs: { reservedConcurrentExecutions: 4 } });
      expect(taken(reserving, alias("1"), provisioned(4))).to.deep.equal([]);
      expect(taken(reserving, alias("1"), provisioned(5))).to.deep.equal(["provisioned-fits-reservation"]);
      expect(taken(lambda(), alias("1"), provisioned(901))).to.deep.equal(["reservations-fit"]);
    });

    it("shares an alias's traffic among published versions only", () => {
      expect(taken(lambda(), alias("2", { additionalVersionWeights: { "1": 0.9 } }))).to.deep.equal([]);
      expect(taken(lambda(), alias("2", { additionalVersionWeights: { $LATEST: 0.9 } }))).to.deep.equal([
        "weighted-alias-is-published",
      ]);
    });

    it("wants a deployment group as CodeDeploy takes it for Lambda", () => {
      const application = node("aws:codedeploy/application:Application", "releases", {
        inputs: { computePlatform: "Lambda" },
      });
      const style = { deploymentType: "BLUE_GREEN", deploymentOption: "WITH_TRAFFIC_CONTROL" };
      const deployer = (service: string) =>
        node("aws:iam/role:Role", "deployer", {
          inputs: { assumeRolePolicy: JSON.stringify({ Principal: { Service: service } }) },
        });
      const group = (inputs: PropertyMap) =>
        node("aws:codedeploy/deploymentGroup:DeploymentGroup", "canary", {
          inputs: { deploymentStyle: style, ...inputs },
          from: { appName: ["releases"], serviceRoleArn: ["deployer"] },
        });
      const codedeploy = deployer("codedeploy.amazonaws.com");
      expect(taken(application, codedeploy, group({}))).to.deep.equal([]);
      const faulty = [
        [codedeploy, group({ deploymentStyle: {} })],
        [codedeploy, group({ alarmConfiguration: { enabled: true, alarms: [] } })],
        [deployer("lambda.amazonaws.com"), group({})],
      ];
      for (const [trusting, one] of faulty as [ResourceNode, ResourceNode][]) {
        expect(taken(application, trusting, one)).to.deep.equal(["deployment-group-fits"]);
      }
    });
  });

  it("keeps a hundred concurrent executions of the account unreserved", () => {
    expect(
      rulesBroken(role, policy(), lambda({ inputs: { reservedConcurrentExecutions: 901 } })),
    ).to.deep.equal(["reservations-fit"]);
  });

  it("refuses one physical name twice", () => {
    const first = node("aws:sqs/queue:Queue", "first", { inputs: { name: "jobs" } });
    const second = node("aws:sqs/queue:Queue", "second", { inputs: { name: "jobs" } });
    const elsewhere = node("aws:sqs/queue:Queue", "third", { inputs: { name: "jobs", region: "eu-west-1" } });

    const problems = checkGraph(graphOf(first, second, elsewhere));

    expect(problems.map((problem) => problem.message)).to.deep.equal([
      'aws:sqs/queue:Queue "second" and aws:sqs/queue:Queue "first" have the same name, "jobs".',
    ]);
  });
});
