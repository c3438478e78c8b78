/**
 * Reads npm's tarballs: gzip, regular files under one folder, names in the header or a pax record.
 *
 * Source: https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html (ustar and pax interchange formats)
 */
import { gunzipSync } from "node:zlib";

const BLOCK = 512;
/** Lambda takes no more unpacked. Source: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
const LARGEST = 250 * 1024 * 1024;

interface Entry {
  /** `0` is a file, `x` a pax record about the next entry. */
  type: string;
  name: string;
  content: Buffer;
}

/**
 * The files of a tarball by their path within the package.
 * @throws {Error} when it is damaged, unpacks to more than 250 MB, or a path leaves the package.
 */
export function readTarball(gzip: Uint8Array): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  let longName: string | undefined;
  for (const { type, name, content } of entriesOf(gunzipSync(gzip, { maxOutputLength: LARGEST }))) {
    if (type === "x") longName = paxPath(content);
    if (type !== "0") continue;
    files.set(withinPackage(longName ?? name), content);
    longName = undefined;
  }
  return files;
}

function* entriesOf(tar: Buffer): Generator<Entry> {
  for (let at = 0; at + BLOCK <= tar.length && tar[at] !== 0; ) {
    const size = Number.parseInt(text(tar, at + 124, 12), 8) || 0;
    const content = tar.subarray(at + BLOCK, at + BLOCK + size);
    if (content.length < size) throw new Error("it ends in the middle of a file");
    yield { type: text(tar, at + 156, 1) || "0", name: headerName(tar, at), content };
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
}

/** Text up to the first NUL. */
function text(tar: Buffer, start: number, length: number): string {
  const field = tar.subarray(start, start + length);
  const end = field.indexOf(0);
  return field.subarray(0, end < 0 ? length : end).toString();
}

function headerName(tar: Buffer, at: number): string {
  const prefix = text(tar, at + 345, 155);
  const name = text(tar, at, 100);
  return prefix === "" ? name : `${prefix}/${name}`;
}

/** `27 path=package/a/long/name\n` */
function paxPath(content: Buffer): string | undefined {
  return /(?:^|\n)\d+ path=([^\n]+)\n/.exec(content.toString())?.[1];
}

/** Without the folder, which is `package` by custom alone. */
function withinPackage(name: string): string {
  const parts = name.split("/").slice(1);
  if (parts.length === 0 || parts.some((part) => part === "" || part === "." || part === "..")) {
    throw new Error(`its entry "${name}" is not within the package`);
  }
  return parts.join("/");
}
