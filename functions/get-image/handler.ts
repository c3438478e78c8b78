/**
 * Route: `GET /images/{imageId}`. What became of an upload: pending, ready with the thumbnails' sizes and URLs, or
 * rejected with the reason. For the client that asked for the upload; 404 for anyone else's, as for one that does not
 * exist. The URLs hold for 15 minutes. Read consistently: whoever was given an id finds it. Idempotency: it only reads.
 *
 * Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/ShareObjectPreSignedURL.html
 */
import { DynamoDBClient, GetItemCommand } from "@aws-sdk/client-dynamodb";
import { GetObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { ROUTE_CLIENT_OPTIONS } from "../shared/clients.ts";
import { notFound, type RouteRequest, type RouteResponse } from "../shared/http.ts";
import { IMAGE_KEY, imageOf, type Thumbnail, URL_SECONDS } from "../shared/image.ts";

const dynamodb = new DynamoDBClient(ROUTE_CLIENT_OPTIONS);
const s3 = new S3Client(ROUTE_CLIENT_OPTIONS);

export interface GetImageDeps {
  /** Name of the images table. */
  table: string;
  /** Name of the thumbnails bucket. */
  thumbnails: string;
  /** Replaced in tests. */
  client?: DynamoDBClient;
  storage?: S3Client;
}

async function toSize(storage: S3Client, Bucket: string, { key, ...size }: Thumbnail): Promise<object> {
  const command = new GetObjectCommand({ Bucket, Key: key });
  return { ...size, url: await getSignedUrl(storage, command, { expiresIn: URL_SECONDS }) };
}

/** Answers with an image. */
export async function getImage(
  request: RouteRequest<{ imageId: string }>,
  deps: GetImageDeps,
): Promise<RouteResponse> {
  const { client = dynamodb, storage = s3, table, thumbnails: bucket } = deps;
  const { imageId } = request.path;
  const Key = { [IMAGE_KEY]: { S: imageId } };
  const { Item } = await client.send(new GetItemCommand({ TableName: table, Key, ConsistentRead: true }));
  const image = Item && imageOf(Item);
  const { clientId } = request.caller;
  if (!image || clientId === undefined || image.clientId !== clientId) {
    return notFound(`There is no image "${imageId}".`);
  }
  const { status, createdAt, width, height, rejection } = image;
  const sizes = await Promise.all(image.thumbnails.map((each) => toSize(storage, bucket, each)));
  return {
    body: { imageId, status, createdAt, ...(status === "ready" && { width, height, sizes }), rejection },
  };
}
