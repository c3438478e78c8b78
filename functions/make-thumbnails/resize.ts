/**
 * An image's thumbnails with sharp (libvips): decoded once, to the largest of them, and the smaller ones made from that.
 *
 * Bounded memory: one image at a time, one thread, nothing cached, pixels streamed where the format allows. Measured
 * peaks of the process with 50 megapixels are in bench/thumbnails.
 * Sources: https://sharp.pixelplumbing.com/api-constructor, https://sharp.pixelplumbing.com/performance
 */
import type { default as Sharp } from "sharp";
import type { Rejection } from "../shared/image.ts";
import {
  type Format,
  judgeFailure,
  judgeHeader,
  MAX_PIXELS,
  MAX_SIDE,
  sniff,
  thumbnailWidths,
} from "./core.ts";

/** Seconds that decoding may take. */
const DECODING_SECONDS = 40;
const QUALITY = 80;

export interface Picture {
  format: Format;
  /** Pixels, its orientation applied. */
  width: number;
  height: number;
  /** WebP, largest first. */
  thumbnails: { width: number; height: number; data: Buffer }[];
}

/** Loaded with the first image: importing this file, as planning the program does, costs nothing. */
async function loadSharp(): Promise<typeof Sharp> {
  const { default: sharp } = await import("sharp");
  sharp.cache(false);
  sharp.concurrency(1);
  return sharp;
}

interface Pixels {
  data: Buffer;
  raw: { width: number; height: number; channels: 1 | 2 | 3 | 4 };
}

/** Upright 8-bit sRGB pixels, no wider than the largest thumbnail; of several frames or pages the first. */
async function decode(sharp: typeof Sharp, bytes: Uint8Array, width: number): Promise<Pixels> {
  const { data, info } = await sharp(bytes, {
    limitInputPixels: MAX_PIXELS,
    failOn: "truncated",
    sequentialRead: true,
  })
    .timeout({ seconds: DECODING_SECONDS })
    .autoOrient()
    .resize({ width, height: MAX_SIDE, fit: "inside", withoutEnlargement: true })
    .toColourspace("srgb")
    .raw({ depth: "uchar" })
    .toBuffer({ resolveWithObject: true });
  const { height, channels } = info;
  return { data, raw: { width: info.width, height, channels: channels as Pixels["raw"]["channels"] } };
}

/** WebP without any metadata: libvips writes none unless it is asked to. */
async function encode(sharp: typeof Sharp, { data, raw }: Pixels, width: number) {
  const image = sharp(data, { raw });
  const sized = width === raw.width ? image : image.resize({ width });
  const { data: webp, info } = await sized.webp({ quality: QUALITY }).toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, data: webp };
}

async function shrink(sharp: typeof Sharp, bytes: Uint8Array, format: Format): Promise<Picture | Rejection> {
  const header = await sharp(bytes, { limitInputPixels: false, failOn: "truncated" }).metadata();
  const rejection = judgeHeader(header, format);
  if (rejection) return rejection;
  const { width, height } = header.autoOrient;
  const pixels = await decode(sharp, bytes, thumbnailWidths(width)[0] ?? width);
  const thumbnails: Picture["thumbnails"] = [];
  for (const each of thumbnailWidths(pixels.raw.width)) thumbnails.push(await encode(sharp, pixels, each));
  return { format, width, height, thumbnails };
}

/**
 * The thumbnails of an image, or why there are none.
 * @throws {Error} when the machine fails, not the image.
 */
export async function makePicture(bytes: Uint8Array): Promise<Picture | Rejection> {
  const format = sniff(bytes);
  if (typeof format === "object") return format;
  const sharp = await loadSharp();
  try {
    return await shrink(sharp, bytes, format);
  } catch (error) {
    return judgeFailure(error as Error);
  }
}
