/** The images API's data as JSON Schema: for request validation and OpenAPI, while the program is planned. */
import { IMAGE_ID_PATTERN, IMAGE_STATUSES, MAX_IMAGE_BYTES, REJECTIONS } from "./image.ts";
import { Type } from "./type.ts";

const closed = { additionalProperties: false } as const;
const ImageId = Type.String({ description: "The image's id.", pattern: IMAGE_ID_PATTERN });
const Status = Type.Enum([...IMAGE_STATUSES], {
  description: "pending until the upload has come and been worked off; then ready, or rejected.",
});
const Pixels = (description: string) => Type.Integer({ description, minimum: 1 });
const Time = (description: string) => Type.String({ description, examples: ["2026-01-31T12:00:00.000Z"] });

export const ImagePathSchema = Type.Object({ imageId: ImageId }, closed);

export const UploadSchema = Type.Object({
  imageId: ImageId,
  status: Status,
  upload: Type.Object({
    url: Type.String({ description: "Post the form here, as multipart/form-data." }),
    fields: Type.Unsafe<Record<string, string>>({
      type: "object",
      additionalProperties: { type: "string" },
      description: "The form's fields; the image follows them as the last one, named `file`.",
    }),
    expiresAt: Time("When the upload must have begun."),
    maxBytes: Type.Integer({ description: "Largest image.", minimum: 1, maximum: MAX_IMAGE_BYTES }),
  }),
});

export const ImageSchema = Type.Object({
  imageId: ImageId,
  status: Status,
  createdAt: Time("When the upload was asked for."),
  width: Type.Optional(Pixels("Width of the upload, its orientation applied.")),
  height: Type.Optional(Pixels("Height of the upload, its orientation applied.")),
  sizes: Type.Optional(
    Type.Array(
      Type.Object({
        width: Pixels("1024, 512 or 128; of a narrower image its own width."),
        height: Pixels("In the image's proportion."),
        bytes: Type.Integer({ minimum: 1 }),
        url: Type.String({ description: "WebP; for 15 minutes, without a token." }),
      }),
      { description: "Largest first." },
    ),
  ),
  rejection: Type.Optional(
    Type.Object({
      code: Type.Enum([...REJECTIONS], { description: "Why there are no thumbnails." }),
      detail: Type.String({ description: "The same for people." }),
    }),
  ),
});
