import { zstdDecompressSync } from "node:zlib";
import { GetObjectCommand, ListObjectsV2Command, type S3Client } from "@aws-sdk/client-s3";

/** One line of the lake or its quarantine, as written by the pipeline. */
export interface LakeLine {
  shard: string;
  sequence: string;
  index: number | null;
  deviceId?: string;
  /** Quarantine: why. */
  reason?: string;
  /** Quarantine: the original bytes, base64. */
  data?: string;
}

/** Reads lines of a bucket under `prefix/dt=.../hour=.../` for the hours from `since` to `until`. */
export async function readLake(
  client: S3Client,
  { bucket, prefix, since, until }: { bucket: string; prefix: string; since: number; until: number },
): Promise<LakeLine[]> {
  const keys = await Promise.all(
    hours(since, until).map((hour) => keysOf(client, bucket, `${prefix}/${hour}/`)),
  );
  const objects = await Promise.all(keys.flat().map((key) => readLines(client, bucket, key)));
  return objects.flat();
}

/** A batch that was delivered twice in other cuts left some lines twice; shard, sequence and index tell them apart. */
export function distinct(lines: LakeLine[]): LakeLine[] {
  return [...new Map(lines.map((line) => [`${line.shard} ${line.sequence} ${line.index}`, line])).values()];
}

const HOUR = 3_600_000;

function hours(since: number, until: number): string[] {
  const first = Math.floor(since / HOUR) * HOUR;
  return Array.from({ length: Math.floor((until - first) / HOUR) + 1 }, (_, index) => {
    const time = new Date(first + index * HOUR).toISOString();
    return `dt=${time.slice(0, 10)}/hour=${time.slice(11, 13)}`;
  });
}

async function keysOf(client: S3Client, bucket: string, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  let token: string | undefined;
  do {
    const page: { Contents?: { Key?: string }[]; NextContinuationToken?: string } = await client.send(
      new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, ContinuationToken: token }),
    );
    for (const { Key } of page.Contents ?? []) if (Key) keys.push(Key);
    token = page.NextContinuationToken;
  } while (token);
  return keys;
}

async function readLines(client: S3Client, bucket: string, key: string): Promise<LakeLine[]> {
  const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
  const bytes = Buffer.from((await Body?.transformToByteArray()) ?? []);
  const text = (key.endsWith(".zst") ? zstdDecompressSync(bytes) : bytes).toString("utf8");
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as LakeLine);
}
