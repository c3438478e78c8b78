import { fileURLToPath } from "node:url";
import { DeleteItemCommand, DynamoDBClient, PutItemCommand, ScanCommand } from "@aws-sdk/client-dynamodb";
import { expect } from "chai";
import { Runtime } from "../../../local/runtime.ts";

const directory = fileURLToPath(new URL("fixtures/changes", import.meta.url));
const credentials = { accessKeyId: "local", secretAccessKey: "local" };

describe("a table's changes on this machine", function () {
  this.timeout(60_000);
  let starting: Promise<Runtime>;
  let runtime: Runtime;
  let client: DynamoDBClient;

  before(async () => {
    starting = Runtime.start({ directory, stack: "dev", port: 0 });
    runtime = await starting;
    client = new DynamoDBClient({ region: "eu-central-1", endpoint: runtime.aws.endpoint.url, credentials });
  });

  after(async () => {
    client?.destroy();
    await starting.then(
      (started) => started.stop(),
      () => {},
    );
  });

  const put = (id: string, text: string) => {
    const Item = { id: { S: id }, text: { S: text } };
    return client.send(new PutItemCommand({ TableName: String(runtime.outputs.ordersName), Item }));
  };
  const remove = (id: string) =>
    client.send(
      new DeleteItemCommand({ TableName: String(runtime.outputs.ordersName), Key: { id: { S: id } } }),
    );

  /** Resolves once as many changes have been delivered. */
  const delivered = (count: number, outcome = "ok"): Promise<void> => {
    let sum = 0;
    return new Promise((resolve) => {
      const off = runtime.trace.on((event) => {
        if (event.kind !== "batch" || event.outcome !== outcome) return;
        sum += Number(event.size);
        if (sum < count) return;
        off();
        resolve();
      });
    });
  };

  const notes = async () => {
    const { Items = [] } = await client.send(
      new ScanCommand({ TableName: String(runtime.outputs.seenName), ConsistentRead: true }),
    );
    return Object.fromEntries(
      Items.map(({ change, before, after, doer }) => [change?.S, [before?.S, after?.S, doer?.S]]),
    );
  };

  it("reach the inline callback with both images, and filters hold back what they should", async () => {
    const done = delivered(3);
    await put("a", "one");
    await put("ignored", "x");
    await put("a", "two");
    await remove("a");
    await done;
    expect(await notes()).to.deep.equal({
      "INSERT a": ["-", "one", "-"],
      "MODIFY a": ["one", "two", "-"],
      "REMOVE a": ["two", "-", "-"],
    });
  });

  it("that crash the function go to the failures bucket with their records, and the next are delivered", async () => {
    const given = delivered(1, "discarded");
    const done = delivered(1);
    await put("poison", "x");
    await given;
    await put("b", "one");
    await done;
    expect(await notes()).to.include.keys("INSERT b");
    const bucket = runtime.graph.resources.find(({ name }) => name === "orders-failures-bucket")?.outputs
      .bucket;
    const [stored] = runtime.aws.objects.listObjects(String(bucket), "aws/lambda/");
    const body = JSON.parse(runtime.aws.objects.getObject(String(bucket), stored?.key ?? "").toString());
    expect(body.requestContext.condition).to.equal("RetryAttemptsExhausted");
    expect(body.DDBStreamBatchInfo).to.include({ batchSize: 1 });
    expect(body.payload.Records[0].dynamodb.Keys).to.deep.equal({ id: { S: "poison" } });
  });
});
