import { KinesisClient, PutRecordsCommand } from "@aws-sdk/client-kinesis";
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { expect } from "chai";
import type { Reading } from "../../functions/shared/reading.ts";
import { checkEtl } from "../../ops/smoke/etl.ts";
import { systemForSuite } from "../helpers/system.ts";

describe("the ETL in the running system", function () {
  this.timeout(120_000);
  const system = systemForSuite();

  it("carries readings from the stream to Parquet, a report and the API; again with a repeat and a corrupt object", async () => {
    const context = system().smoke("etl");
    const since = Date.now();
    const day = new Date(since - 86_400_000).toISOString().slice(0, 10);
    const readings: Reading[] = Array.from({ length: 300 }, (_, index) => ({
      deviceId: `etl-${index % 3}`,
      metric: index % 2 ? "temperature" : "wind",
      value: ((index * 7919) % 1000) / 10,
      at: `${day}T${String(Math.floor(index / 60)).padStart(2, "0")}:${String(index % 60).padStart(2, "0")}:00Z`,
      eventId: `event-${index}`,
    }));
    const { endpoint, outputs } = context.target;
    const kinesis = new KinesisClient({ ...context.clientOptions, endpoint });
    const send = async (batch: Reading[]): Promise<void> => {
      const Records = [{ PartitionKey: "p", Data: Buffer.from(JSON.stringify(batch)) }];
      await kinesis.send(new PutRecordsCommand({ StreamName: outputs.streamName, Records }));
    };
    const s3 = new S3Client(context.clientOptions);
    const Bucket = outputs.lakeBucketName;
    const rawObjects = async (): Promise<number> =>
      (await s3.send(new ListObjectsV2Command({ Bucket, Prefix: "raw/" }))).KeyCount ?? 0;

    await send(readings);
    await context.until(rawObjects, (count) => count >= 1);
    const checks = await checkEtl(context, { readings, since });
    expect(checks.filter(({ ok }) => !ok)).to.deep.equal([]);

    // The same readings sent again, and an object that nobody can read: the hour is built again, the rows are the same.
    const hour = new Date().toISOString();
    const folder = `dt=${hour.slice(0, 10)}/hour=${hour.slice(11, 13)}`;
    await send(readings.slice(0, 10));
    await context.until(rawObjects, (count) => count >= 2);
    await s3.send(new PutObjectCommand({ Bucket, Key: `raw/${folder}/broken.ndjson.zst`, Body: "no zstd" }));
    const again = await checkEtl(context, { readings, since });
    expect(again.filter(({ ok }) => !ok)).to.deep.equal([]);
    const repeats = async (): Promise<number> => {
      const { body } = await context.api.get(`/reports/${day}`, await context.api.token("telemetry.read"));
      return (body as { series: { repeats: number }[] }).series.reduce(
        (sum, series) => sum + series.repeats,
        0,
      );
    };
    expect(await context.until(repeats, (count) => count === 10)).to.equal(10);
    const Key = `quarantine/compaction/${folder}/broken.ndjson.zst.refused.ndjson`;
    const refused = await (await s3.send(new GetObjectCommand({ Bucket, Key }))).Body?.transformToString();
    expect(JSON.parse(refused ?? "{}").reason).to.match(/^not zstd/);
  });
});

// Not proven here: Athena and Glue, which have no local counterpart.
