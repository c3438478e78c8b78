import { access, constants, mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "./kit/clock.ts";
import type { Trace } from "./kit/trace.ts";
import type { Monitoring } from "./monitoring.ts";
import { CborFront } from "./services/cbor-front.ts";
import type { CloudWatch } from "./services/cloudwatch.ts";
import { DynamoDb } from "./services/dynamodb.ts";
import { type Endpoint, startEndpoint } from "./services/endpoint.ts";
import { EventBridge } from "./services/event-bridge.ts";
import { Kinesis, type KinesisOptions } from "./services/kinesis.ts";
import { loadStreams, saveStreams } from "./services/kinesis-snapshot.ts";
import type { CloudWatchLogs } from "./services/logs.ts";
import { Mqtt } from "./services/mqtt.ts";
import { ObjectsAndMessages } from "./services/s3-sqs-sns.ts";
import type { Authorise, HttpService } from "./services/service.ts";

export interface AwsOptions {
  region: string;
  account: string;
  /** Port of the endpoint; 0 for any. */
  port: number;
  /** Where state is kept between runs; streams are written when the system stops. @default in memory only */
  dataDir?: string;
  /** Whether Kinesis refuses what a shard could not take on AWS. */
  throttle: boolean;
  clock: Clock;
  trace: Trace;
  authorise: Authorise;
  /** The secret of a function's access key; undefined for keys from outside. */
  secretOf?: (accessKeyId: string) => string | undefined;
  /** Made before, since functions write to its logs as soon as the pool is there. */
  monitoring: Monitoring;
  /** Services beside those made here. */
  others: readonly HttpService[];
  log: (line: string) => void;
}

/** AWS on this machine: its data planes behind one endpoint. */
export interface Aws {
  kinesis: Kinesis;
  dynamodb: DynamoDb;
  objects: ObjectsAndMessages;
  logs: CloudWatchLogs;
  cloudWatch: CloudWatch;
  events: EventBridge;
  mqtt: Mqtt;
  endpoint: Endpoint;
  stop(): Promise<void>;
}

/** @throws {Error} when the port is taken or the data folder cannot be written; nothing is left running then. */
export async function startAws(options: AwsOptions): Promise<Aws> {
  const { region, account, clock, trace, authorise, dataDir, monitoring, log } = options;
  const place = { region, account };
  const { figures, logs, cloudWatch } = monitoring;
  const onWrite: KinesisOptions["onWrite"] = (stream, written) => figures.streamWrite(stream, written);
  const kinesis = new Kinesis({ ...place, clock, throttle: options.throttle, onWrite, log });
  const events = new EventBridge({ ...place, clock });
  const mqtt = new Mqtt({ ...place, trace, log });
  if (dataDir !== undefined) await prepareFolder(dataDir);
  const snapshot = dataDir === undefined ? undefined : join(dataDir, "kinesis.json");
  if (snapshot !== undefined) await loadStreams(kinesis, snapshot);
  const { dynamodb, objects } = await startServices(options);
  const stopServices = async (): Promise<void> => {
    await Promise.all([dynamodb.close(), objects.close()]);
  };
  try {
    const endpoint = await startEndpoint({
      port: options.port,
      json: [kinesis, dynamodb, logs, events, cloudWatch],
      http: [objects, new CborFront(cloudWatch, "monitoring"), ...options.others],
      authorise,
      trace,
    });
    monitoring.start(objects.queues);
    const stop = async (): Promise<void> => {
      monitoring.stop();
      await Promise.all([endpoint.close(), mqtt.close()]);
      try {
        if (snapshot !== undefined) await saveStreams(kinesis, snapshot);
      } finally {
        await stopServices();
      }
    };
    return { kinesis, dynamodb, objects, logs, cloudWatch, events, mqtt, endpoint, stop };
  } catch (error) {
    await stopServices();
    throw error;
  }
}

/** Both at once; when one cannot start, the other is closed again. */
async function startServices(
  options: AwsOptions,
): Promise<{ dynamodb: DynamoDb; objects: ObjectsAndMessages }> {
  const [dynamodb, objects] = await Promise.allSettled([
    DynamoDb.start(options),
    ObjectsAndMessages.start({ ...options, onMessages: options.monitoring.onMessages }),
  ]);
  if (dynamodb.status === "fulfilled" && objects.status === "fulfilled") {
    return { dynamodb: dynamodb.value, objects: objects.value };
  }
  if (dynamodb.status === "fulfilled") await dynamodb.value.close();
  if (objects.status === "fulfilled") await objects.value.close();
  throw [dynamodb, objects].find((result) => result.status === "rejected")?.reason;
}

/** Only the last folder is made: Node's recursive `mkdir` never returns on file systems that take no folders. */
async function prepareFolder(path: string): Promise<void> {
  try {
    await mkdir(path).catch(ignoreExisting);
    await readdir(path);
    await access(path, constants.W_OK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Error(`The data folder "${path}" cannot be used (${code}). Name another one with --data.`);
  }
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== "EEXIST") throw error;
}
