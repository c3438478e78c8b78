/**
 * Processes of the thumbnails benchmark: `make <kind> <file>` writes an image of 50 megapixels, `use <file>` makes its
 * thumbnails and prints what that took. Each alone in its process, whose peak is what counts.
 */
import { readFile } from "node:fs/promises";
import sharp, { type Sharp } from "sharp";
import { makePicture } from "../../functions/make-thumbnails/resize.ts";

/** 49,996,180 pixels. */
const [WIDTH, HEIGHT] = [8_660, 5_773];

export interface Use {
  ms: number;
  /** Most memory that the process had, MiB. */
  peak: number;
}

function flat(alpha: boolean): Sharp {
  const background = { r: 70, g: 110, b: 150, alpha: 0.5 };
  return sharp({ create: { width: WIDTH, height: HEIGHT, channels: alpha ? 4 : 3, background } });
}

/** Detail everywhere, few bytes: noise, enlarged. */
async function detailed(): Promise<Sharp> {
  const noise = { type: "gaussian", mean: 128, sigma: 20 } as const;
  const small = sharp({ create: { width: 1_000, height: 667, channels: 3, background: "#888", noise } });
  return sharp(await small.png().toBuffer()).resize(WIDTH, HEIGHT, { fit: "fill" });
}

/** What costs most in each format: whole planes that cannot be streamed, 16 bits, transparency. */
const MAKERS: Record<string, () => Promise<Sharp>> = {
  jpeg: async () => (await detailed()).jpeg(),
  "progressive jpeg, turned": async () =>
    (await detailed()).withMetadata({ orientation: 6 }).jpeg({
      progressive: true,
      chromaSubsampling: "4:4:4",
      quality: 70,
    }),
  png: async () => flat(false).png({ compressionLevel: 3 }),
  "interlaced 16-bit png": async () =>
    flat(true).toColourspace("rgb16").png({ progressive: true, compressionLevel: 3 }),
  "16-bit tiff, turned": async () =>
    flat(true).toColourspace("rgb16").withMetadata({ orientation: 6 }).tiff({ compression: "deflate" }),
  avif: async () => (await detailed()).avif({ effort: 0, quality: 40 }),
  "12-bit avif": async () =>
    flat(true)
      .toColourspace("rgb16")
      .avif({ effort: 0, quality: 40, bitdepth: 12, chromaSubsampling: "4:4:4" }),
};
export const KINDS = Object.keys(MAKERS);

async function use(file: string): Promise<Use> {
  const bytes = await readFile(file);
  const start = performance.now();
  const picture = await makePicture(bytes);
  if ("code" in picture) throw new Error(picture.detail);
  return { ms: performance.now() - start, peak: process.resourceUsage().maxRSS / 1_024 };
}

const [task, first = "", second = ""] = process.argv.slice(2);
if (task === "make") await (await MAKERS[first]?.())?.toFile(second);
if (task === "use") console.log(JSON.stringify(await use(first)));
