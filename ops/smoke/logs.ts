import { gzipSync, zstdDecompressSync } from "node:zlib";
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { type Check, check } from "./checks.ts";
import type { SmokeContext } from "./context.ts";

/** A line of the lake's `logs/`, as far as it is checked. */
interface LogLine {
  at: string;
  path: string | null;
  status: number;
  requestId: string | null;
  key?: string;
}

/** What a file came to: its manifest in the lake. */
interface Manifest {
  key: string;
  parsed: number;
  quarantined: number;
}

/** A file to be dropped, and what must come of it. */
interface LogFile {
  name: string;
  bytes: Buffer;
  good: number;
  bad: number;
}

const REQUESTS = 12;
const HOUR = 3_600_000;

/** The access log: the API's own requests reach the lake exactly, and so do files, each bad line in quarantine. */
export async function checkLogs(context: SmokeContext): Promise<Check[]> {
  const { clientOptions, target } = context;
  const s3 = new S3Client(clientOptions);
  try {
    const since = context.now();
    context.step(`sending ${REQUESTS} requests, dropping log files`);
    const requestIds = await sendRequests(context);
    const files = logFiles(context);
    for (const { name, bytes } of files) {
      const put = { Bucket: target.outputs.logsBucketName, Key: name, Body: bytes };
      await s3.send(new PutObjectCommand(put));
    }
    context.step("waiting until the logs are in the lake");
    return [
      ...(await checkRequests(context, s3, { since, requestIds })),
      ...(await checkFiles(context, s3, { since, files })),
    ];
  } finally {
    s3.destroy();
  }
}

/** Requests that only this run makes, of every status the gateway gives by itself. Their ids are the API's. */
async function sendRequests({ api, mark }: SmokeContext): Promise<string[]> {
  const paths = Array.from({ length: REQUESTS }, (_, index) =>
    index % 3 === 0 ? `/health?${mark}` : `/${mark}/${index}`,
  );
  const answers = await Promise.all(paths.map((path) => api.get(path)));
  return answers.map(({ headers }) => headers.get("apigw-requestid") ?? "");
}

async function checkRequests(
  context: SmokeContext,
  s3: S3Client,
  { since, requestIds }: { since: number; requestIds: string[] },
): Promise<Check[]> {
  const wanted = new Set(requestIds);
  const read = async (): Promise<LogLine[]> => {
    const lines = await readLogs(s3, context, since);
    return lines.filter(({ requestId }) => requestId !== null && wanted.has(requestId));
  };
  const found = await context.until(read, (lines) => lines.length >= REQUESTS);
  return [
    check("requests with an id of their own", REQUESTS, wanted.size),
    check("access log lines of this run in the lake", REQUESTS, found.length),
    check("of them answered 200", REQUESTS / 3, found.filter(({ status }) => status === 200).length),
    check("of them answered 404", (REQUESTS * 2) / 3, found.filter(({ status }) => status === 404).length),
  ];
}

/** A combined-format file in gzip, and a JSON file; lines of different times, some of them broken. */
function logFiles({ mark, now }: SmokeContext): LogFile[] {
  const time = now();
  const combined = Array.from({ length: 200 }, (_, index) => combinedLine(time, `/${mark}/c${index}`));
  const json = Array.from({ length: 150 }, (_, index) =>
    JSON.stringify({
      timeEpoch: time,
      method: "GET",
      path: `/${mark}/j${index}`,
      status: 200,
      responseLatency: index,
    }),
  );
  const broken = ["", "not a log line", `${combined[0]}"`, "\u0000\u0001"];
  return [
    {
      name: `${mark}/combined +1.log.gz`,
      bytes: gzipSync([...combined.slice(0, 100), ...broken, ...combined.slice(100)].join("\n")),
      good: 200,
      bad: 3,
    },
    {
      name: `${mark}/json.log`,
      bytes: Buffer.from([...json, '{"status":', '{"status":200}', "x".repeat(1_048_576), ""].join("\n")),
      good: 150,
      bad: 3,
    },
  ];
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

function combinedLine(time: number, path: string): string {
  const iso = new Date(time).toISOString();
  const written = `${iso.slice(8, 10)}/${MONTHS[Number(iso.slice(5, 7)) - 1]}/${iso.slice(0, 4)}:${iso.slice(11, 19)} +0000`;
  return `192.0.2.1 - - [${written}] "GET ${path} HTTP/1.1" 200 512 "-" "smoke"`;
}

async function checkFiles(
  context: SmokeContext,
  s3: S3Client,
  { since, files }: { since: number; files: LogFile[] },
): Promise<Check[]> {
  const bucket = context.target.outputs.lakeBucketName;
  const read = async (): Promise<Manifest[]> => {
    const manifests = await readObjects<Manifest>(s3, bucket, "manifests/logs/", since);
    return manifests.filter(({ key }) => files.some(({ name }) => name === key));
  };
  const manifests = await context.until(read, (found) => found.length >= files.length);
  const lines = await readLogs(s3, context, since);
  return files.flatMap(({ name, good, bad }) => {
    const manifest = manifests.find(({ key }) => key === name);
    const kind = name.slice(name.indexOf("/") + 1);
    return [
      check(`${kind}: lines parsed`, good, manifest?.parsed ?? "none"),
      check(`${kind}: lines quarantined`, bad, manifest?.quarantined ?? "none"),
      check(`${kind}: lines in the lake`, good, lines.filter(({ key }) => key === name).length),
    ];
  });
}

/** The lake's entries of the hours since then, written since then. */
async function readLogs(s3: S3Client, { target, now }: SmokeContext, since: number): Promise<LogLine[]> {
  const first = Math.floor(since / HOUR);
  const hours = Array.from({ length: Math.floor(now() / HOUR) - first + 1 }, (_, index) =>
    new Date((first + index) * HOUR).toISOString(),
  );
  const found = await Promise.all(
    hours.map((hour) => {
      const prefix = `logs/dt=${hour.slice(0, 10)}/hour=${hour.slice(11, 13)}/`;
      return readObjects<LogLine>(s3, target.outputs.lakeBucketName, prefix, since);
    }),
  );
  return found.flat();
}

/** Milliseconds by which S3's clock may be behind. */
const CLOCK_SLACK = 5_000;

/** Every line of the objects under a prefix that were written since then. */
async function readObjects<T>(s3: S3Client, Bucket: string, Prefix: string, since: number): Promise<T[]> {
  const keys: string[] = [];
  let token: string | undefined;
  do {
    const page: { Contents?: { Key?: string; LastModified?: Date }[]; NextContinuationToken?: string } =
      await s3.send(new ListObjectsV2Command({ Bucket, Prefix, ContinuationToken: token }));
    const recent = (page.Contents ?? []).filter(
      ({ LastModified }) => (LastModified?.getTime() ?? since) >= since - CLOCK_SLACK,
    );
    keys.push(...recent.flatMap(({ Key }) => (Key === undefined ? [] : [Key])));
    token = page.NextContinuationToken;
  } while (token);
  const texts = await Promise.all(keys.map((key) => readText(s3, Bucket, key)));
  return texts.flatMap((text) =>
    text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as T),
  );
}

async function readText(s3: S3Client, Bucket: string, Key: string): Promise<string> {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }));
  const bytes = Buffer.from((await Body?.transformToByteArray()) ?? []);
  return (Key.endsWith(".zst") ? zstdDecompressSync(bytes) : bytes).toString();
}
