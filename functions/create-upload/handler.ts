/**
 * Route: `POST /images`. Takes down that an image will come, and answers with where to: the fields of a form that the
 * client posts to the bucket with the file as its last field (`file`). A presigned PUT could not bound the size.
 *
 * Answers 201; 403 for a token that names no client. The upload must begin within 15 minutes and have 1 byte to 25 MiB,
 * which S3 checks. Failure contract: nothing is left behind but a row that is forgotten after 7 days. Idempotency: none
 * needed; each request is an image of its own.
 *
 * Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
 */
import { randomUUID } from "node:crypto";
import { DynamoDBClient, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { S3Client } from "@aws-sdk/client-s3";
import { createPresignedPost } from "@aws-sdk/s3-presigned-post";
import { ROUTE_CLIENT_OPTIONS } from "../shared/clients.ts";
import type { RouteRequest, RouteResponse } from "../shared/http.ts";
import { IMAGE_KEY, MAX_IMAGE_BYTES, pendingItem, URL_SECONDS, uploadKey } from "../shared/image.ts";
import { createLogger, type Logger, requestLogger } from "../shared/logger.ts";

const dynamodb = new DynamoDBClient(ROUTE_CLIENT_OPTIONS);
const s3 = new S3Client(ROUTE_CLIENT_OPTIONS);
const log = createLogger({ service: "create-upload" });

export interface CreateUploadDeps {
  /** Name of the images table. */
  table: string;
  /** Name of the uploads bucket. */
  uploads: string;
  /** Replaced in tests. */
  client?: DynamoDBClient;
  storage?: S3Client;
  logger?: Logger;
  now?: () => number;
  newId?: () => string;
}

/** Answers with a form for one upload. */
export async function createUpload(request: RouteRequest, deps: CreateUploadDeps): Promise<RouteResponse> {
  const { client = dynamodb, storage = s3, logger = log, now = Date.now, newId = randomUUID } = deps;
  const { correlationId } = request;
  const { clientId } = request.caller;
  if (clientId === undefined) {
    const detail = "The token names no client, and an image belongs to one.";
    return { status: 403, problem: { title: "Forbidden", detail } };
  }
  const [imageId, at] = [newId(), now()];
  const upload = await createPresignedPost(storage, {
    Bucket: deps.uploads,
    Key: uploadKey(clientId, imageId),
    Conditions: [["content-length-range", 1, MAX_IMAGE_BYTES]],
    Expires: URL_SECONDS,
  });
  await client.send(
    new PutItemCommand({
      TableName: deps.table,
      Item: pendingItem({ imageId, clientId, correlationId }, at),
      ConditionExpression: `attribute_not_exists(${IMAGE_KEY})`,
    }),
  );
  requestLogger(logger, request).info("upload expected", { imageId });
  const expiresAt = new Date(at + URL_SECONDS * 1000).toISOString();
  return {
    status: 201,
    headers: { location: `/images/${imageId}` },
    body: { imageId, status: "pending", upload: { ...upload, expiresAt, maxBytes: MAX_IMAGE_BYTES } },
  };
}
