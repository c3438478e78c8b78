/**
 * What is an image here, what becomes of it, and in which order uploads count. Pure.
 *
 * An image's type is told from its first bytes, before any decoder sees it: a decoder is told by nobody's file name or
 * content type, and SVG, PDF and the like, which can reach for other files, never get to one.
 */
import type { Image, Rejection } from "../shared/image.ts";
import { MAX_IMAGE_BYTES } from "../shared/image.ts";

/** Pixels of the largest image that is decoded. */
export const MAX_PIXELS = 50_000_000;
/** Cyan, magenta, yellow, black and alpha: the most that a picture has; measurements in a TIFF have hundreds. */
const MAX_CHANNELS = 5;
/** Widths of the thumbnails, in pixels, largest first. */
const WIDTHS = [1024, 512, 128];
/** A WebP image has no more pixels on a side. Source: https://developers.google.com/speed/webp/faq */
export const MAX_SIDE = 16_383;

const FORMATS = ["jpeg", "png", "webp", "avif", "gif", "tiff"] as const;
export type Format = (typeof FORMATS)[number];

/** Bytes that the type is told from. */
const SNIFFED_BYTES = 256;

/** First bytes as text with one character per byte. */
const SIGNATURES: [start: string, format: Format][] = [
  ["\xff\xd8\xff", "jpeg"],
  ["\x89PNG\r\n\x1a\n", "png"],
  ["GIF87a", "gif"],
  ["GIF89a", "gif"],
  // Little and big endian, classic and BigTIFF.
  ["II*\0", "tiff"],
  ["MM\0*", "tiff"],
  ["II+\0", "tiff"],
  ["MM\0+", "tiff"],
];

/** What else people send, for the reason. */
const OTHERS: [start: string, name: string][] = [
  ["%PDF-", "a PDF document"],
  ["PK\x03\x04", "a ZIP archive"],
  ["\x1f\x8b", "a gzip file"],
  ["BM", "a BMP image"],
  ["\0\0\x01\0", "an icon"],
  ["\xff\x0a", "a JPEG XL image"],
  ["\0\0\0\x0cJXL ", "a JPEG XL image"],
  ["\0\0\0\x0cjP  ", "a JPEG 2000 image"],
  ["8BPS", "a Photoshop document"],
  ["%!PS", "a PostScript document"],
  ["\x7fELF", "a program"],
  ["MZ", "a program"],
];
const TEXTS: [start: RegExp, name: string][] = [
  [/<svg|<!doctype svg/i, "an SVG drawing"],
  [/^\s*(<!doctype html|<html|<head|<body|<script)/i, "an HTML page"],
  [/^\s*<\?xml/i, "an XML document"],
  [/^\s*[{[]/, "JSON text"],
];

/** The brands of an ISO media file (AVIF, HEIC, MP4), the major one first. */
function brandsOf(text: string, start: Uint8Array): string[] {
  if (text.slice(4, 8) !== "ftyp") return [];
  const size = new DataView(start.buffer, start.byteOffset, start.byteLength).getUint32(0);
  const list = text.slice(16, Math.min(size, text.length));
  return [text.slice(8, 12), ...(list.match(/[\s\S]{4}/g) ?? [])];
}

function isAvif(brands: string[]): boolean {
  return brands.some((brand) => brand === "avif" || brand === "avis");
}

function nameOf(text: string, brands: string[]): string {
  if (brands.some((brand) => /^(hei|hev|mif1)/.test(brand))) return "a HEIC image";
  if (brands.length > 0) return "a video or another ISO media file";
  const known = OTHERS.find(([start]) => text.startsWith(start)) ?? TEXTS.find(([start]) => start.test(text));
  return known?.[1] ?? "no known type of file";
}

/** The format that the first bytes tell, or why they are no image. */
export function sniff(bytes: Uint8Array): Format | Rejection {
  const start = bytes.subarray(0, SNIFFED_BYTES);
  const text = Buffer.from(start.buffer, start.byteOffset, start.byteLength).toString("latin1");
  const found = SIGNATURES.find(([signature]) => text.startsWith(signature))?.[1];
  if (found) return found;
  if (text.startsWith("RIFF") && text.slice(8, 12) === "WEBP") return "webp";
  const brands = brandsOf(text, start);
  if (isAvif(brands)) return "avif";
  return {
    code: "unsupported",
    detail: `It is ${nameOf(text, brands)}; JPEG, PNG, WebP, AVIF, GIF and TIFF images are taken.`,
  };
}

/** What is wrong with an upload's size in bytes, if anything. */
export function judgeBytes(bytes: number): Rejection | undefined {
  if (bytes === 0) return { code: "empty", detail: "It has no bytes." };
  if (bytes <= MAX_IMAGE_BYTES) return undefined;
  return { code: "too-large", detail: `It has ${bytes} bytes; at most ${MAX_IMAGE_BYTES} are taken.` };
}

/** What a decoder says of an image before decoding it. */
export interface Header {
  format?: string;
  /** The codec inside HEIF. */
  compression?: string;
  width?: number;
  height?: number;
  channels?: number;
}

/** What is wrong with an image according to its header, if anything: checked before a pixel is decoded. */
export function judgeHeader(header: Header, format: Format): Rejection | undefined {
  const { width = 0, height = 0, channels = 0 } = header;
  const decoder = header.format === "heif" && header.compression === "av1" ? "avif" : header.format;
  if (decoder !== format) {
    return {
      code: "damaged",
      detail: `It begins as ${format} and goes on as ${decoder ?? "nothing known"}.`,
    };
  }
  if (width < 1 || height < 1) return { code: "damaged", detail: "It has no pixels." };
  if (channels > MAX_CHANNELS) {
    return {
      code: "unsupported",
      detail: `It has ${channels} channels; at most ${MAX_CHANNELS} make a picture.`,
    };
  }
  if (width * height <= MAX_PIXELS) return undefined;
  const detail = `It has ${width} x ${height} pixels; at most ${MAX_PIXELS} are decoded.`;
  return { code: "too-many-pixels", detail };
}

/** Longest message of a decoder that is kept. */
const LONGEST_DETAIL = 200;

/**
 * What a decoder's failure means for the image.
 * @throws {Error} the failure itself when it is the machine's, not the image's: the message comes again.
 */
export function judgeFailure(error: Error): Rejection {
  if (/out of memory|cannot allocate|unable to allocate/i.test(error.message)) throw error;
  if (/timeout:/i.test(error.message)) return { code: "too-slow", detail: "Decoding it takes too long." };
  const [said = ""] = error.message.split("\n");
  return { code: "damaged", detail: `It cannot be decoded: ${said.slice(0, LONGEST_DETAIL)}` };
}

/**
 * Widths of an image's thumbnails, largest first. Nothing is enlarged: an image narrower than a size has its own width
 * there, once. 300 pixels give 300 and 128; 100 give 100.
 */
export function thumbnailWidths(width: number): number[] {
  return [...new Set(WIDTHS.map((each) => Math.min(each, width)))];
}

/** Hexadecimal digits that a sequencer is padded to. */
const SEQUENCER_LENGTH = 64;

/**
 * S3 orders the events of one key by their sequencers, padded on the right; as a text of one length and case they
 * compare as such.
 * Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
 */
export function padSequencer(sequencer: string): string {
  return sequencer.toUpperCase().padEnd(SEQUENCER_LENGTH, "0");
}

/** Whether an event is about a newer upload than the row. */
export function isNews(image: Pick<Image, "sequencer">, sequencer: string): boolean {
  return image.sequencer < padSequencer(sequencer);
}
