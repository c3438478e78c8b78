/**
 * Trigger: an object in the uploads bucket, through its queue. Makes WebP thumbnails 1,024, 512 and 128 pixels wide, and
 * writes what became of the image into its row. Without colour profile, EXIF or position: what the camera said about its
 * owner stays in the upload, which expires.
 *
 * Failure contract: what cannot be an image (empty, too large, too many pixels, damaged, another kind of file, a key
 * that no upload was asked for) is recorded as rejected with the reason, and its message is done; S3's and DynamoDB's
 * failures throw, and the object comes again.
 *
 * Idempotency: by the upload's sequencer. Thumbnails are named by the upload's eTag, so a repeated delivery overwrites
 * its own bytes; the row is written only if the event is newer than what the row is about. An old event that comes late,
 * or twice, changes nothing.
 *
 * Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
 */

import { createHash } from "node:crypto";
import { DynamoDBClient, GetItemCommand, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import { GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import type { Item } from "../shared/attributes.ts";
import { CLIENT_OPTIONS } from "../shared/clients.ts";
import { conditionHeld } from "../shared/condition.ts";
import { asCorrelationId, correlating } from "../shared/correlation.ts";
import {
  forgottenAt,
  IMAGE_KEY,
  IMAGE_TTL,
  imageOf,
  MAX_IMAGE_BYTES,
  ownerOf,
  parseUploadKey,
  type Rejection,
  type Thumbnail,
  thumbnailValue,
} from "../shared/image.ts";
import { createLogger, type Logger } from "../shared/logger.ts";
import { emitMetrics } from "../shared/metrics.ts";
import { isNews, judgeBytes, padSequencer } from "./core.ts";
import { makePicture, type Picture } from "./resize.ts";

const SERVICE = "make-thumbnails";

const dynamodb = new DynamoDBClient(CLIENT_OPTIONS);
const s3 = new S3Client(CLIENT_OPTIONS);
const log = createLogger({ service: SERVICE });

/** The uploaded object, as the trigger tells it. */
export interface UploadedObject {
  key: string;
  /** Bytes. */
  size: number;
  eTag: string;
  sequencer: string;
}

export interface MakeThumbnailsDeps {
  /** Name of the uploads bucket. */
  uploads: string;
  /** Name of the thumbnails bucket. */
  thumbnails: string;
  /** Name of the images table. */
  table: string;
  /** Replaced in tests. */
  client?: DynamoDBClient;
  storage?: S3Client;
  logger?: Logger;
  emit?: typeof emitMetrics;
  now?: () => number;
}

type Context = Required<MakeThumbnailsDeps> & { object: UploadedObject };

/** The row that an object is about. */
interface Subject {
  imageId: string;
  /** Of the request that asked for the upload. */
  correlationId?: string;
  /** The row is about this upload already, or a newer one. */
  isOld?: boolean;
  /** Start of its thumbnails' keys; undefined when no upload was asked for under this key. */
  folder?: string;
}

/** What came of an object: undefined when another upload has taken its place. */
type Outcome = { picture: Picture; thumbnails: Thumbnail[] } | Rejection | undefined;

const UNKNOWN: Rejection = { code: "unknown-upload", detail: "No upload was asked for under its key." };

/** The row that the upload's key names. */
async function subjectOf({ client, table, object }: Context): Promise<Subject> {
  const parsed = parseUploadKey(object.key);
  const unknown = { imageId: `unknown-${createHash("sha256").update(object.key).digest("hex")}` };
  const imageId = parsed?.imageId ?? unknown.imageId;
  const Key = { [IMAGE_KEY]: { S: imageId } };
  const { Item } = await client.send(new GetItemCommand({ TableName: table, Key, ConsistentRead: true }));
  const image = Item && imageOf(Item);
  const isAsked = parsed && image && ownerOf(image.clientId) === parsed.owner;
  if (parsed && !isAsked) return unknown;
  const correlationId = asCorrelationId(image?.correlationId);
  if (image && !isNews(image, object.sequencer)) return { imageId, correlationId, isOld: true };
  if (!isAsked) return unknown;
  return { imageId, correlationId, folder: `${parsed.owner}/${imageId}/${object.eTag}` };
}

/** At most 25 MiB of a stream; undefined when it has more. */
async function readBounded(body: AsyncIterable<Uint8Array>): Promise<Buffer | undefined> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > MAX_IMAGE_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}

/** The upload's bytes; undefined when it has been replaced or deleted since. */
async function download({ storage, uploads, object }: Context): Promise<Buffer | Rejection | undefined> {
  const { key, eTag } = object;
  try {
    const command = new GetObjectCommand({ Bucket: uploads, Key: key, IfMatch: `"${eTag}"` });
    const { Body } = await storage.send(command);
    const bytes = await readBounded(Body as unknown as AsyncIterable<Uint8Array>);
    return bytes ?? judgeBytes(MAX_IMAGE_BYTES + 1);
  } catch (error) {
    if (["NoSuchKey", "PreconditionFailed"].includes((error as Error).name)) return undefined;
    throw new Error(`Could not read the upload "${key}"; it will be delivered again.`, { cause: error });
  }
}

async function store(context: Context, folder: string, picture: Picture): Promise<Thumbnail[]> {
  return Promise.all(
    picture.thumbnails.map(async ({ width, height, data }) => {
      const key = `${folder}/${width}.webp`;
      await context.storage.send(
        new PutObjectCommand({
          Bucket: context.thumbnails,
          Key: key,
          Body: data,
          ContentType: "image/webp",
          CacheControl: "private, max-age=31536000, immutable",
        }),
      );
      return { width, height, bytes: data.length, key };
    }),
  );
}

async function workOn(context: Context, folder: string | undefined): Promise<Outcome> {
  if (folder === undefined) return UNKNOWN;
  const tooMuch = judgeBytes(context.object.size);
  if (tooMuch) return tooMuch;
  const bytes = await download(context);
  if (!Buffer.isBuffer(bytes)) return bytes;
  const picture = await makePicture(bytes);
  if ("code" in picture) return picture;
  return { picture, thumbnails: await store(context, folder, picture) };
}

/** The row's attributes of either outcome; those of the other one go. */
function attributesOf(outcome: NonNullable<Outcome>, now: number): Item {
  if ("code" in outcome) {
    const { code, detail } = outcome;
    const expiry = { [IMAGE_TTL]: { N: String(forgottenAt(now)) } };
    return { status: { S: "rejected" }, rejection: { S: code }, detail: { S: detail }, ...expiry };
  }
  const { picture, thumbnails } = outcome;
  return {
    status: { S: "ready" },
    format: { S: picture.format },
    width: { N: String(picture.width) },
    height: { N: String(picture.height) },
    thumbnails: { L: thumbnails.map(thumbnailValue) },
  };
}

const OUTCOME_ATTRIBUTES = ["format", "width", "height", "thumbnails", "rejection", "detail", IMAGE_TTL];

/** @returns whether the row is now about this upload: not when it is about a newer one. */
async function record(context: Context, subject: Subject, outcome: NonNullable<Outcome>): Promise<boolean> {
  const { client, table, object, now } = context;
  const values: Item = {
    ...attributesOf(outcome, now()),
    objectKey: { S: object.key },
    eTag: { S: object.eTag },
    sequencer: { S: padSequencer(object.sequencer) },
    uploadedBytes: { N: String(object.size) },
  };
  const names = [...new Set([...Object.keys(values), ...OUTCOME_ATTRIBUTES])];
  const gone = names.filter((name) => !Object.hasOwn(values, name)).map((name) => `#${name}`);
  const set = Object.keys(values).map((name) => `#${name} = :${name}`);
  const command = new UpdateItemCommand({
    TableName: table,
    Key: { [IMAGE_KEY]: { S: subject.imageId } },
    UpdateExpression: `SET ${set.join(", ")} REMOVE ${gone.join(", ")}`,
    ConditionExpression: "attribute_not_exists(#sequencer) OR #sequencer < :sequencer",
    ExpressionAttributeNames: Object.fromEntries(names.map((name) => [`#${name}`, name])),
    ExpressionAttributeValues: Object.fromEntries(
      Object.entries(values).map(([name, value]) => [`:${name}`, value]),
    ),
  });
  return conditionHeld(client.send(command));
}

function tell({ logger, emit, object }: Context, imageId: string, outcome: NonNullable<Outcome>): void {
  const fields = { imageId, bytes: object.size };
  if ("code" in outcome) {
    logger.warn("image rejected", { ...fields, key: object.key, ...outcome });
    emit(SERVICE, { rejectedImages: 1 });
    return;
  }
  const { format, width, height } = outcome.picture;
  logger.info("thumbnails made", { ...fields, format, width, height });
  emit(SERVICE, { readyImages: 1, thumbnails: outcome.thumbnails.length });
}

async function bringIn(context: Context, subject: Subject): Promise<void> {
  const { logger, object } = context;
  const outcome = subject.isOld ? undefined : await workOn(context, subject.folder);
  if (outcome && (await record(context, subject, outcome))) tell(context, subject.imageId, outcome);
  else logger.info("nothing new", { key: object.key, sequencer: object.sequencer });
}

/** Makes the thumbnails of one upload. */
export async function makeThumbnails(object: UploadedObject, deps: MakeThumbnailsDeps): Promise<void> {
  const fallback = { client: dynamodb, storage: s3, logger: log, emit: emitMetrics, now: Date.now };
  const context: Context = { ...fallback, ...deps, object };
  const subject = await subjectOf(context);
  const { correlationId } = subject;
  const logger = correlationId === undefined ? context.logger : context.logger.with({ correlationId });
  await correlating(correlationId, () => bringIn({ ...context, logger }, subject));
}
