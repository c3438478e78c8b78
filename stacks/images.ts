import { Bucket } from "../components/bucket.ts";
import type { HttpApi } from "../components/http-api.ts";
import { Table } from "../components/table.ts";
import { createUpload } from "../functions/create-upload/handler.ts";
import { getImage } from "../functions/get-image/handler.ts";
import { makeThumbnails } from "../functions/make-thumbnails/handler.ts";
import { IMAGE_KEY, IMAGE_TTL, UPLOADS_PREFIX } from "../functions/shared/image.ts";
import { ImagePathSchema, ImageSchema, UploadSchema } from "../functions/shared/image-schemas.ts";
import type { Settings } from "./config.ts";

/** What the image pipeline gives to the program's outputs. */
export interface Images {
  /** What clients upload, as they sent it; expires. */
  uploads: Bucket;
  /** What is shown. */
  thumbnails: Bucket;
  /** One item per image. */
  images: Table;
}

/** One vCPU: Lambda gives a function CPU by its memory, and libvips works with one thread here. */
const ONE_CPU = 1_769;

/** Uploads by presigned form -> bucket -> queue -> thumbnails and a row that says what became of them. */
export function createImages(settings: Settings, { api }: { api: HttpApi }): Images {
  const { logRetentionDays } = settings;

  const uploads = new Bucket("uploads", {
    expiration: { [UPLOADS_PREFIX]: settings.uploadDays },
    // An upload is worked off once: nobody misses a replaced one.
    versioning: false,
    corsOrigins: settings.corsOrigins,
    deletionProtection: settings.protectData,
    forceDestroy: !settings.protectData,
  });

  const thumbnails = new Bucket("thumbnails", {
    deletionProtection: settings.protectData,
    forceDestroy: !settings.protectData,
  });

  const images = new Table("images", {
    partitionKey: IMAGE_KEY,
    timeToLive: IMAGE_TTL,
    pointInTimeRecovery: settings.pointInTimeRecovery,
    deletionProtection: settings.protectData,
  });

  uploads.onObjectCreated("thumbnails", {
    description: "WebP thumbnails of uploaded images",
    prefix: UPLOADS_PREFIX,
    // One image each: the largest take seconds, and a batch would share their fate.
    batchSize: 1,
    maximumConcurrency: settings.imageConcurrency,
    natives: ["sharp"],
    maxSize: 12_000_000,
    memorySize: ONE_CPU,
    timeout: 60,
    logRetentionDays,
    access: { uploads: ["GetObjectCommand"], thumbnails: ["PutObjectCommand"] },
    callback: async (object) =>
      makeThumbnails(object, {
        uploads: uploads.name.get(),
        thumbnails: thumbnails.name.get(),
        table: images.name.get(),
      }),
  });

  api.route("POST /images", {
    summary: "Ask for the upload of an image: 1 byte to 25 MiB, at most 50 megapixels",
    scopes: ["images.write"],
    responses: { 201: UploadSchema },
    callback: async (request) =>
      createUpload(request, { uploads: uploads.name.get(), table: images.name.get() }),
  });

  api.route("GET /images/{imageId}", {
    summary: "What became of an image of the caller's, with its thumbnails",
    scopes: ["images.read"],
    request: { path: ImagePathSchema },
    responses: { 200: ImageSchema },
    callback: async (request) =>
      getImage(request, { thumbnails: thumbnails.name.get(), table: images.name.get() }),
  });

  return { uploads, thumbnails, images };
}
