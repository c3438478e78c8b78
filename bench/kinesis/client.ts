/**
 * The load of the Kinesis benchmark in a process of its own: the default SDK client sends calls of 500 records, a few
 * at a time. Reads one round per line (JSON) from standard input, answers each with records a second.
 */
import { createInterface } from "node:readline";
import {
  CreateStreamCommand,
  DescribeStreamSummaryCommand,
  KinesisClient,
  PutRecordsCommand,
} from "@aws-sdk/client-kinesis";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { BYTES_A_RECORD, RECORDS_A_CALL, type Round, SHARDS, STREAM } from "./settings.ts";

const IN_FLIGHT = 6;
const endpoint = process.argv[2];
const options = {
  endpoint,
  region: "us-east-1",
  credentials: { accessKeyId: "bench", secretAccessKey: "bench" },
  // A kept connection may end between two rounds; the default client tries again.
  maxAttempts: 3,
};
const clients = {
  h1: new KinesisClient({ ...options, requestHandler: new NodeHttpHandler() }),
  h2: new KinesisClient(options),
};

const records = Array.from({ length: RECORDS_A_CALL }, (_, index) => ({
  PartitionKey: `device-${index}`,
  Data: Buffer.alloc(BYTES_A_RECORD, 97 + (index % 26)),
}));

async function play({ transport, calls }: Round): Promise<number> {
  const client = clients[transport];
  let left = calls;
  const started = performance.now();
  const lane = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const { FailedRecordCount } = await client.send(
        new PutRecordsCommand({ StreamName: STREAM, Records: records }),
      );
      if (FailedRecordCount) throw new Error(`${FailedRecordCount} records were refused.`);
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
  return (calls * RECORDS_A_CALL) / ((performance.now() - started) / 1_000);
}

/** Only kinesalite starts without the stream; the others answer that it is there. */
async function createStream(): Promise<void> {
  const command = new CreateStreamCommand({ StreamName: STREAM, ShardCount: SHARDS });
  await clients.h1.send(command).catch(() => {});
  const active = async (): Promise<boolean> => {
    const { StreamDescriptionSummary } = await clients.h1.send(
      new DescribeStreamSummaryCommand({ StreamName: STREAM }),
    );
    return StreamDescriptionSummary?.StreamStatus === "ACTIVE";
  };
  while (process.argv[3] === "kinesalite" && !(await active())) await new Promise(setImmediate);
}

await createStream();
console.log("ready");
for await (const line of createInterface({ input: process.stdin })) {
  console.log(await play(JSON.parse(line) as Round));
}
process.exit(0);
