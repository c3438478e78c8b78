import { expect } from "chai";
import { checkGraph } from "../../../local/engine/checks.ts";
import type { PropertyMap, ResourceNode } from "../../../local/engine/graph.ts";
import { graphOf, resourceNode } from "../../helpers/graph.ts";

const node = (
  type: string,
  name: string,
  inputs: PropertyMap = {},
  from: Record<string, string[]> = {},
): ResourceNode =>
  resourceNode(type, name, {
    urn: name,
    inputs,
    outputs: { name, ...inputs },
    dependencies: Object.values(from).flat(),
    propertyDependencies: from,
  });

const queue = (name: string, inputs: PropertyMap = {}, from: Record<string, string[]> = {}) =>
  node("aws:sqs/queue:Queue", name, inputs, from);
const lambda = node("aws:lambda/function:Function", "work");
const mapping = (name: string, inputs: PropertyMap = {}) =>
  node("aws:lambda/eventSourceMapping:EventSourceMapping", name, inputs, {
    eventSourceArn: ["jobs"],
    functionName: ["work"],
  });

const problems = (...resources: ResourceNode[]): string[] =>
  checkGraph(graphOf(...resources)).map(({ rule, message }) => `${rule}: ${message}`);

describe("local/engine/rules/queues", () => {
  it("has nothing to say about a queue, its dead letters and its mapping", () => {
    expect(
      problems(
        queue("dead"),
        queue("jobs", {}, { redrivePolicy: ["dead"] }),
        lambda,
        mapping("m", { batchSize: 100, maximumBatchingWindowInSeconds: 1 }),
      ),
    ).to.deep.equal([]);
  });

  it("refuses a second mapping of one queue and function, naming both", () => {
    expect(problems(queue("jobs"), lambda, mapping("one"), mapping("two"))[0]).to.match(
      /one-mapping-per-function: .*"two" is the second one .* "one": AWS refuses it/,
    );
  });

  it("refuses batches that AWS's poller cannot make", () => {
    const fifo = queue("jobs", { fifoQueue: true });
    expect(problems(queue("jobs"), lambda, mapping("m", { batchSize: 11 }))[0]).to.match(
      /queue-mappings-fit: .*batchSize of 11 without a batching window/,
    );
    expect(problems(fifo, lambda, mapping("m", { maximumBatchingWindowInSeconds: 1 }))[0]).to.match(/FIFO/);
    expect(
      problems(
        queue("jobs"),
        lambda,
        mapping("m", { destinationConfig: { onFailure: { destinationArn: "a" } } }),
      )[0],
    ).to.match(/destinationConfig, which is for streams/);
  });

  it("refuses dead letters of another kind", () => {
    const dead = queue("dead");
    expect(problems(dead, queue("jobs", { fifoQueue: true }, { redrivePolicy: ["dead"] }))[0]).to.match(
      /dead-letters-fit: .*both or neither must be FIFO/,
    );
  });

  it("refuses two notifications of a bucket and two policies of a queue", () => {
    const notification = (name: string) =>
      node("aws:s3/bucketNotification:BucketNotification", name, {}, { bucket: ["uploads"] });
    const policy = (name: string) =>
      node("aws:sqs/queuePolicy:QueuePolicy", name, {}, { queueUrl: ["jobs"] });
    const bucket = node("aws:s3/bucket:Bucket", "uploads");
    expect(problems(bucket, notification("one"), notification("two"))[0]).to.match(
      /settings-are-single: .*"two" and .*"one" are both the notification of one bucket/,
    );
    expect(problems(queue("jobs"), policy("one"), policy("two"))[0]).to.match(/both the policy of one queue/);
  });
});
