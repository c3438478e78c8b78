/** Objects of the lake: listing, and upload of files of any size in constant memory. */
import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";

export interface LakeEntry {
  key: string;
  eTag: string;
  /** Bytes. */
  size: number;
}

/** Bytes of one part; a file up to here goes up whole. S3 takes 10,000 parts: 160 GB. */
const PART = 16 * 1024 * 1024;
const PARQUET = "application/vnd.apache.parquet";

/** Every object under the prefix, by key. */
export async function listObjects(client: S3Client, bucket: string, prefix: string): Promise<LakeEntry[]> {
  const entries: LakeEntry[] = [];
  let token: string | undefined;
  do {
    const command = new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, ContinuationToken: token });
    const { Contents = [], NextContinuationToken } = await client.send(command);
    for (const { Key = "", ETag = "", Size = 0 } of Contents)
      entries.push({ key: Key, eTag: ETag, size: Size });
    token = NextContinuationToken;
  } while (token);
  return entries.sort((left, right) => (left.key < right.key ? -1 : 1));
}

/** Changes when an object is added, removed or replaced. */
export function fingerprint(entries: readonly LakeEntry[]): string {
  const hash = createHash("sha256");
  for (const { key, eTag } of entries) hash.update(`${key} ${eTag}\n`);
  return hash.digest("base64url");
}

export interface Upload {
  bucket: string;
  key: string;
  /** File to send. */
  path: string;
}

/** Uploads a Parquet file. @returns its ETag: the same for the same bytes. */
export async function uploadFile(client: S3Client, { bucket, key, path }: Upload): Promise<string> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    const read = async (start: number): Promise<Uint8Array> => {
      const part = new Uint8Array(Math.min(PART, size - start));
      for (let filled = 0; filled < part.length; ) {
        filled += (await file.read(part, filled, part.length - filled, start + filled)).bytesRead;
      }
      return part;
    };
    const target = { Bucket: bucket, Key: key };
    if (size > PART) return await uploadParts(client, target, { size, read });
    const put = new PutObjectCommand({ ...target, Body: await read(0), ContentType: PARQUET });
    return (await client.send(put)).ETag ?? "";
  } finally {
    await file.close();
  }
}

async function uploadParts(
  client: S3Client,
  target: { Bucket: string; Key: string },
  { size, read }: { size: number; read(start: number): Promise<Uint8Array> },
): Promise<string> {
  const created = await client.send(new CreateMultipartUploadCommand({ ...target, ContentType: PARQUET }));
  const upload = { ...target, UploadId: created.UploadId };
  try {
    const Parts: CompletedPart[] = [];
    for (let start = 0; start < size; start += PART) {
      const PartNumber = Parts.length + 1;
      const { ETag } = await client.send(
        new UploadPartCommand({ ...upload, PartNumber, Body: await read(start) }),
      );
      Parts.push({ ETag, PartNumber });
    }
    const complete = new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts } });
    return (await client.send(complete)).ETag ?? "";
  } catch (error) {
    // Its parts would cost until the bucket's rule removes them; the failure itself is what is told.
    await client.send(new AbortMultipartUploadCommand(upload)).catch(() => {});
    throw error;
  }
}
