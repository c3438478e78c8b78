/**
 * Images: what an upload may be, where its objects lie, and its row in the images table, in one place.
 *
 * | what | where |
 * |---|---|
 * | upload | uploads bucket, `uploads/<owner>/<imageId>` |
 * | thumbnail | thumbnails bucket, `<owner>/<imageId>/<eTag>/<width>.webp` |
 * | row | images table, by `imageId` |
 *
 * `owner` is a hash of the client's id, so that no client's name is in a key. A thumbnail's key holds the upload's eTag:
 * two uploads under one key never write the same object, in whatever order they are worked off.
 */
import { createHash } from "node:crypto";
import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { type Item, readNumber, readText } from "./attributes.ts";

/** The table's attribute names: what the stack declares and the functions use. */
export const IMAGE_KEY = "imageId";
export const IMAGE_TTL = "expiresAt";

/** Where uploads lie: what the stack subscribes to. */
export const UPLOADS_PREFIX = "uploads/";

/** Largest upload, in bytes. */
export const MAX_IMAGE_BYTES = 25 * 1024 * 1024;
/** How long an upload may begin, and a thumbnail be fetched, after its URL was given; seconds. */
export const URL_SECONDS = 15 * 60;
/** Days after which an upload that never came, or was rejected, is forgotten. */
const FORGOTTEN_DAYS = 7;
const DAY_SECONDS = 86_400;

export const IMAGE_STATUSES = ["pending", "ready", "rejected"] as const;
type ImageStatus = (typeof IMAGE_STATUSES)[number];

/** Why an image was rejected, for programs; `detail` says it for people. */
export const REJECTIONS = [
  "empty",
  "too-large",
  "unsupported",
  "too-many-pixels",
  "damaged",
  "too-slow",
  "unknown-upload",
] as const;
export interface Rejection {
  code: (typeof REJECTIONS)[number];
  detail: string;
}

/** One thumbnail. */
export interface Thumbnail {
  /** Pixels. */
  width: number;
  height: number;
  bytes: number;
  key: string;
}

export interface Image {
  imageId: string;
  clientId: string;
  status: ImageStatus;
  /** ISO 8601. */
  createdAt: string;
  /** What made it asked for it; follows the image through every log. */
  correlationId: string;
  /** Of the upload that the row is about; empty while there is none. */
  sequencer: string;
  /** Of the upload as it is shown: pixels, its orientation applied. 0 until it is ready. */
  width: number;
  height: number;
  thumbnails: Thumbnail[];
  rejection?: Rejection;
}

const IMAGE_ID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";
export const IMAGE_ID_PATTERN = `^${IMAGE_ID}$`;
const UPLOAD_KEY = new RegExp(`^${UPLOADS_PREFIX}([0-9a-f]{32})/(${IMAGE_ID})$`);

/** A client's part of a key. */
export function ownerOf(clientId: string): string {
  return createHash("sha256").update(clientId).digest("hex").slice(0, 32);
}

export function uploadKey(clientId: string, imageId: string): string {
  return `${UPLOADS_PREFIX}${ownerOf(clientId)}/${imageId}`;
}

/** What an upload's key says; undefined for a key that `uploadKey` never makes. */
export function parseUploadKey(key: string): { owner: string; imageId: string } | undefined {
  const [, owner, imageId] = UPLOAD_KEY.exec(key) ?? [];
  return owner === undefined || imageId === undefined ? undefined : { owner, imageId };
}

/** Epoch seconds. */
export function forgottenAt(now: number): number {
  return Math.floor(now / 1000) + FORGOTTEN_DAYS * DAY_SECONDS;
}

/** The row of an upload that is expected. */
export function pendingItem(
  { imageId, clientId, correlationId }: Pick<Image, "imageId" | "clientId" | "correlationId">,
  now: number,
): Item {
  return {
    [IMAGE_KEY]: { S: imageId },
    clientId: { S: clientId },
    correlationId: { S: correlationId },
    status: { S: "pending" },
    createdAt: { S: new Date(now).toISOString() },
    [IMAGE_TTL]: { N: String(forgottenAt(now)) },
  };
}

export function imageOf(item: Item): Image {
  const [code, detail] = [readText(item, "rejection"), readText(item, "detail")];
  return {
    imageId: readText(item, IMAGE_KEY),
    clientId: readText(item, "clientId"),
    status: readText(item, "status") as ImageStatus,
    createdAt: readText(item, "createdAt"),
    correlationId: readText(item, "correlationId"),
    sequencer: readText(item, "sequencer"),
    width: readNumber(item, "width"),
    height: readNumber(item, "height"),
    thumbnails: (item.thumbnails?.L ?? []).map(({ M = {} }) => ({
      width: readNumber(M, "width"),
      height: readNumber(M, "height"),
      bytes: readNumber(M, "bytes"),
      key: readText(M, "key"),
    })),
    ...(code && { rejection: { code: code as Rejection["code"], detail } }),
  };
}

/** A thumbnail as an attribute. */
export function thumbnailValue({ width, height, bytes, key }: Thumbnail): AttributeValue {
  return {
    M: {
      width: { N: String(width) },
      height: { N: String(height) },
      bytes: { N: String(bytes) },
      key: { S: key },
    },
  };
}
