/**
 * Thumbnails a second on one core: the whole handler (with AWS answering at once) beside a bare sharp loop that makes the
 * same sizes in the same way, and beside one that decodes the image for each size. And the most memory that one image of
 * 50 megapixels takes, in a process of its own: the function has 1,769 MB.
 */
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import type { S3Client } from "@aws-sdk/client-s3";
import sharp from "sharp";
import { makeThumbnails } from "../../functions/make-thumbnails/handler.ts";
import { pendingItem, uploadKey } from "../../functions/shared/image.ts";
import type { Bench, BenchReport, Figure, Harness } from "../shared/harness.ts";
import { KINDS, type Use } from "./memory.ts";

const OURS = "make-thumbnails";
const BARE = "bare sharp, decoding once";
const NAIVE = "bare sharp, decoding for each size";
const WIDTHS = [1024, 512, 128];
const TARGET = 0.95;
const MEMORY_MIB = 1_769;
const ROUNDS = 12;

const SAMPLES = fileURLToPath(new URL("../../samples/photographs/", import.meta.url));
const ID = "0b7c1f3e-0f0d-4b6e-9a55-0123456789ab";
const silent = { info: () => {}, warn: () => {}, error: () => {}, with: () => silent };

/** The photographs, and one as a telephone takes them. */
async function inputs(): Promise<Buffer[]> {
  const names = (await readdir(SAMPLES)).sort();
  const photographs = await Promise.all(names.map((name) => readFile(join(SAMPLES, name))));
  const [largest = Buffer.alloc(0)] = [...photographs].sort((a, b) => b.length - a.length);
  const phone = await sharp(largest).resize(4_032, 3_024, { fit: "cover" }).jpeg({ quality: 90 }).toBuffer();
  return [...photographs, phone];
}

async function ours(images: Buffer[]): Promise<void> {
  const item = pendingItem({ imageId: ID, clientId: "bench", correlationId: "bench" }, 0);
  const client = { send: async () => ({ Item: item }) } as unknown as DynamoDBClient;
  for (const image of images) {
    const body = (async function* () {
      yield image;
    })();
    const storage = { send: async () => ({ Body: body }) } as unknown as S3Client;
    const object = { key: uploadKey("bench", ID), size: image.length, eTag: "e", sequencer: "1" };
    const names = { uploads: "uploads", thumbnails: "thumbnails", table: "images" };
    await makeThumbnails(object, { ...names, client, storage, logger: silent, emit: () => {} });
  }
}

async function bare(images: Buffer[]): Promise<void> {
  for (const image of images) {
    const { data, info } = await sharp(image)
      .autoOrient()
      .resize({ width: WIDTHS[0], withoutEnlargement: true })
      .raw()
      .toBuffer({ resolveWithObject: true });
    const { width, height, channels } = info;
    for (const each of new Set(WIDTHS.map((wanted) => Math.min(wanted, width)))) {
      const raw = sharp(data, { raw: { width, height, channels: channels as 3 } });
      await (each === width ? raw : raw.resize({ width: each })).webp().toBuffer();
    }
  }
}

async function naive(images: Buffer[]): Promise<void> {
  for (const image of images) {
    for (const width of WIDTHS) {
      await sharp(image).autoOrient().resize({ width, withoutEnlargement: true }).webp().toBuffer();
    }
  }
}

async function speeds(harness: Harness): Promise<Figure[]> {
  const images = await inputs();
  sharp.cache(false);
  sharp.concurrency(1);
  const contestants = {
    [OURS]: () => ours(images),
    [BARE]: () => bare(images),
    [NAIVE]: () => naive(images),
  };
  const times = await harness.paired({ contestants, rounds: ROUNDS, warmUp: 2 });
  const rate = (name: string): Figure => ({
    name,
    value: (images.length * WIDTHS.length * 1_000) / times.median(name),
    unit: "thumbnails/s",
  });
  const beside = (than: string, value?: number): Figure => ({
    name: `${OURS} beside ${than}`,
    value: times.speed(OURS, than),
    unit: "x",
    ...(value !== undefined && { target: { at: "least" as const, value } }),
  });
  return [rate(OURS), rate(BARE), rate(NAIVE), beside(BARE, TARGET), beside(NAIVE)];
}

const run = promisify(execFile);
const MEMORY = fileURLToPath(new URL("memory.ts", import.meta.url));

async function peakOf(kind: string, folder: string): Promise<Figure> {
  const file = join(folder, "image");
  await run(process.execPath, [MEMORY, "make", kind, file]);
  const { stdout } = await run(process.execPath, [MEMORY, "use", file]);
  const { ms, peak } = JSON.parse(stdout) as Use;
  return {
    name: `peak memory, 50 megapixels of ${kind}`,
    value: peak,
    unit: "MiB",
    target: { at: "most", value: MEMORY_MIB },
    note: `in ${(ms / 1_000).toFixed(1)} s`,
  };
}

async function memory(harness: Harness): Promise<Figure[]> {
  const folder = await mkdtemp(join(tmpdir(), "thumbnails-"));
  try {
    const figures: Figure[] = [];
    for (const kind of KINDS) {
      harness.progress(`50 megapixels of ${kind} ...`);
      figures.push(await peakOf(kind, folder));
    }
    return figures;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function measure(harness: Harness): Promise<BenchReport> {
  return { figures: [...(await speeds(harness)), ...(await memory(harness))] };
}

export const bench: Bench = { name: "thumbnails", run: measure };
