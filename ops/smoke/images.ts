import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import type { Answer } from "./api.ts";
import { type Check, check } from "./checks.ts";
import type { SmokeContext } from "./context.ts";

const PHOTOGRAPHS = fileURLToPath(new URL("../../samples/photographs/", import.meta.url));

/** A file to upload, and what must become of it. */
interface Upload {
  name: string;
  type: string;
  bytes: Buffer;
  /** The thumbnails, largest first: `640x427 webp`; empty for what is no image. */
  sizes: string[];
}

/** What the API says of an image. */
interface Image {
  status: string;
  sizes?: { width: number; height: number; bytes: number; url: string }[];
  rejection?: { code: string; detail: string };
}

/** Widths and heights worked out by hand: none of the photographs is 1,024 pixels wide, and none is enlarged. */
const EXPECTED: Record<string, string[]> = {
  "rocket.jpg": ["640x427 webp", "512x342 webp", "128x85 webp"],
  "hubble-deep-field.jpg": ["1000x872 webp", "512x446 webp", "128x112 webp"],
  "coffee.png": ["600x400 webp", "512x341 webp", "128x85 webp"],
};
const PDF = Buffer.from("%PDF-1.7\n1 0 obj << /Type /Catalog >> endobj\n%%EOF\n");

/**
 * Images: the photographs through a presigned form to their thumbnails, whose real size, format and lack of metadata
 * are looked at; a PDF that says it is a JPEG is rejected with the reason.
 */
const listed = (sizes: readonly string[] = []): string => sizes.join(", ") || "none";

export async function checkImages(context: SmokeContext): Promise<Check[]> {
  const token = await context.api.token("images.write", "images.read");
  const uploads = [
    ...(await photographs()),
    { name: "order.jpg", type: "image/jpeg", bytes: PDF, sizes: [] },
  ];
  context.step(`uploading ${uploads.length} files`);
  const ids = await Promise.all(uploads.map((upload) => send(context, token, upload)));
  context.step("waiting until every file has been worked off");
  const images = await context.until(
    () => Promise.all(ids.map((id) => look(context, token, id))),
    (found) => found.every(({ status }) => status !== "pending"),
  );
  const shown = await Promise.all(images.map((image) => thumbnailsOf(context, image)));
  return [
    ...uploads.map(({ name, sizes }, index) =>
      check(`${name}: thumbnails`, listed(sizes), listed(shown[index])),
    ),
    check("a PDF named .jpg", "rejected unsupported", verdictOf(images.at(-1))),
    ...(await refusals(context, token, ids[0] ?? "")),
  ];
}

async function photographs(): Promise<Upload[]> {
  return Promise.all(
    Object.entries(EXPECTED).map(async ([name, sizes]) => ({
      name,
      type: name.endsWith(".png") ? "image/png" : "image/jpeg",
      bytes: await readFile(join(PHOTOGRAPHS, name)),
      sizes,
    })),
  );
}

/** Asks for an upload and posts the form. @throws {Error} with the answer when either is refused */
async function send({ api, target }: SmokeContext, token: string, upload: Upload): Promise<string> {
  const { status, body } = await api.post("/images", {}, token);
  if (status !== 201) throw new Error(`POST /images answered ${status}: ${JSON.stringify(body)}`);
  const { imageId, upload: form } = body as {
    imageId: string;
    upload: { url: string; fields: Record<string, string> };
  };
  const data = new FormData();
  for (const [name, value] of Object.entries(form.fields)) data.set(name, value);
  data.set("file", new Blob([new Uint8Array(upload.bytes)], { type: upload.type }), upload.name);
  const response = await fetch(target.resolve(form.url), { method: "POST", body: data });
  if (response.ok) return imageId;
  throw new Error(`${form.url} answered ${response.status} to ${upload.name}: ${await response.text()}`);
}

async function look({ api }: SmokeContext, token: string, imageId: string): Promise<Image> {
  const { status, body } = await api.get(`/images/${imageId}`, token);
  if (status === 200) return body as Image;
  throw new Error(`GET /images/${imageId} answered ${status}: ${JSON.stringify(body)}`);
}

/** Each thumbnail as it really is: `640x427 webp`, and what it should not have. */
function thumbnailsOf({ target }: SmokeContext, { sizes = [] }: Image): Promise<string[]> {
  return Promise.all(
    sizes.map(async ({ url, bytes, ...said }) => {
      const response = await fetch(target.resolve(url));
      const data = Buffer.from(await response.arrayBuffer());
      if (!response.ok) return `${response.status}`;
      const { width, height, format, ...more } = await sharp(data).metadata();
      const isAsSaid = width === said.width && height === said.height && data.length === bytes;
      const metadata = ["exif", "icc", "xmp", "iptc"].filter((name) => name in more);
      return [`${width}x${height} ${format}`, ...(isAsSaid ? [] : ["not as said"]), ...metadata].join(" ");
    }),
  );
}

function verdictOf(image: Image | undefined): string {
  return `${image?.status} ${image?.rejection?.code}`;
}

async function refusals({ api }: SmokeContext, token: string, imageId: string): Promise<Check[]> {
  const reader = await api.token("images.read");
  const cases: [string, number, Promise<Answer>][] = [
    ["an upload with a token for reading", 403, api.post("/images", {}, reader)],
    ["an image without a token", 401, api.get(`/images/${imageId}`)],
    ["an unknown image", 404, api.get("/images/00000000-0000-4000-8000-000000000000", token)],
    ["an image id that is none", 400, api.get("/images/..%2f..%2fetc", token)],
  ];
  return Promise.all(
    cases.map(async ([name, status, answer]) =>
      check(`${name} gets ${status}`, status, (await answer).status),
    ),
  );
}
