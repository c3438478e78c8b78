import { expect } from "chai";
import { Function, type FunctionArgs } from "../../components/function.ts";
import { find, type Registered, recordResources, resolved } from "../helpers/mocks.ts";

const callback = async () => "done";

async function create(args: Partial<FunctionArgs<unknown, unknown>> = {}): Promise<Registered[]> {
  const resources = recordResources();
  const made = new Function("job", { callback, ...args });
  await resolved(made.arn);
  return resources;
}

describe("Function", () => {
  it("creates function, role, policy and its own log group, with safe defaults", async () => {
    const resources = await create();
    const lambda = find(resources, "aws:lambda/function:Function", "job-function");
    expect(lambda).to.deep.include({
      handler: "index.handler",
      runtime: "nodejs24.x",
      architectures: ["arm64"],
      memorySize: 512,
      timeout: 30,
      tracingConfig: { mode: "Active" },
      loggingConfig: { logFormat: "JSON", logGroup: "job-logs-1234567" },
    });
    expect(find(resources, "aws:cloudwatch/logGroup:LogGroup", "job-logs").retentionInDays).to.equal(14);
    const { policy } = find(resources, "aws:iam/rolePolicy:RolePolicy", "job-policy");
    expect(policy).not.to.contain("logs:CreateLogGroup");
  });

  it("configures asynchronous invocations, with the right to report what failed", async () => {
    const onFailureArn = "arn:aws:sqs:us-east-1:000000000000:failed";
    const permission = {
      actions: ["sqs:SendMessage"],
      resources: [onFailureArn],
      reason: "failed events are kept",
    };
    const resources = recordResources();
    const made = new Function("job", { callback, asyncInvoke: { onFailureArn, permission } });
    await resolved(made.arn);
    while (!resources.some(({ name }) => name === "job-async")) await new Promise(setImmediate);
    expect(
      find(resources, "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig", "job-async"),
    ).to.deep.include({
      maximumRetryAttempts: 2,
      maximumEventAgeInSeconds: 3_600,
      destinationConfig: { onFailure: { destination: onFailureArn } },
    });
    expect(find(resources, "aws:iam/rolePolicy:RolePolicy", "job-policy").policy).to.contain(
      "sqs:SendMessage",
    );
  });

  it("keeps what fails after an asynchronous trigger in a queue of its own, unless told where", async () => {
    const resources = recordResources();
    const made = new Function("job", { callback, asyncInvoke: {} });
    await resolved(made.arn);
    while (!resources.some(({ name }) => name === "job-async")) await new Promise(setImmediate);
    expect(find(resources, "aws:sqs/queue:Queue", "job-failures")).to.include({
      sqsManagedSseEnabled: true,
      messageRetentionSeconds: 1_209_600,
    });
    const { failures } = made;
    if (!failures) throw new Error("The function has no queue for its failures.");
    const config = find(
      resources,
      "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig",
      "job-async",
    );
    expect(config.destinationConfig).to.deep.equal({
      onFailure: { destination: await resolved(failures.arn) },
    });
    expect(find(resources, "aws:iam/rolePolicy:RolePolicy", "job-policy").policy).to.contain(
      "sqs:SendMessage",
    );
  });

  it("has no such queue when nothing invokes it asynchronously", async () => {
    const resources = await create({});
    expect(resources.filter(({ type }) => type.startsWith("aws:sqs/"))).to.deep.equal([]);
  });

  it("refuses a destination without the right to send there", () => {
    recordResources();
    const onFailureArn = "arn:aws:sqs:us-east-1:000000000000:failed";
    expect(() => new Function("job", { callback, asyncInvoke: { onFailureArn } })).to.throw(
      "asyncInvoke.onFailureArn and its permission go together",
    );
  });

  it("passes plain variables on beside the captured ones", async () => {
    const resources = await create({ environment: { MODE: "fast" } });
    const { environment } = find(resources, "aws:lambda/function:Function", "job-function");
    expect(environment).to.deep.equal({ variables: { MODE: "fast" } });
  });

  it("refuses variables that Lambda would refuse, and those that a captured value would replace", () => {
    recordResources();
    const withVariable = (name: string) => () =>
      new Function("job", { callback, environment: { [name]: "x" } });
    expect(withVariable("1ST")).to.throw('Function "job": environment variable "1ST" is not valid');
    expect(withVariable("AWS_REGION")).to.throw('"AWS_REGION" is reserved (Lambda sets it)');
    expect(withVariable("CAPTURE_TABLE")).to.throw('"CAPTURE_TABLE" is reserved (captured values use it)');
    expect(withVariable("AWS_LAMBDA_EXEC_WRAPPER")).not.to.throw();
  });

  it("refuses wildcard actions, unknown arguments and settings that AWS would refuse", () => {
    recordResources();
    const wide = { actions: ["s3:*"], resources: ["*"], reason: "lazy" };
    expect(() => new Function("job", { callback, permissions: [wide] })).to.throw('"s3:*" holds a wildcard');
    expect(() => new Function("job", { callback, memory: 128 } as never)).to.throw(
      'unknown argument "memory"',
    );
    expect(() => new Function("job", { callback, memorySize: 127 })).to.throw(
      "memorySize is 127; it must be a whole number from 128 to 10240 MB",
    );
    expect(() => new Function("job", { callback, timeout: 0 })).to.throw("timeout is 0");
    const onFailureArn = "arn:aws:sqs:us-east-1:000000000000:failed";
    const permission = { actions: ["sqs:SendMessage"], resources: [onFailureArn], reason: "failed events" };
    const failing = (limits: object) =>
      new Function("job", { callback, asyncInvoke: { onFailureArn, permission, ...limits } });
    expect(() => failing({ maximumRetryAttempts: 3 })).to.throw(
      'Function "job": asyncInvoke.maximumRetryAttempts is 3; it must be a whole number from 0 to 2 retries',
    );
    expect(() => failing({ maximumEventAgeInSeconds: 59 })).to.throw(
      "maximumEventAgeInSeconds is 59; it must be a whole number from 60 to 21600 seconds",
    );
    expect(() => new Function("job", { callback, description: "x".repeat(257) })).to.throw(
      "description has 257 characters; AWS allows 256",
    );
    expect(() => new Function("job", { callback, logRetentionDays: 10 })).to.throw(
      /^Function "job": logRetentionDays is 10; CloudWatch keeps logs for 1, 3, 5, 7, 14, .*3653 days\.$/,
    );
    expect(() => new Function("a job", { callback })).to.throw('"a job-function" cannot name a function');
    expect(() => new Function("job", { callback: "code" } as never)).to.throw(
      "callback is code; pass an async function",
    );
  });
});
