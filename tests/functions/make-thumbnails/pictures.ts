/** Images for tests, made here rather than kept: what cameras, editors and attackers send. */
import { crc32, deflateSync } from "node:zlib";
import sharp, { type Sharp } from "sharp";

/** Left half red, right half blue, so that orientation shows. */
export function halves(width: number, height: number): Sharp {
  const red = {
    create: { width: Math.ceil(width / 2), height, channels: 3, background: "#ff0000" },
  } as const;
  return sharp({ create: { width, height, channels: 3, background: "#0000ff" } }).composite([
    { input: red, left: 0, top: 0 },
  ]);
}

/** Noise does not compress: bytes to cut off or to count. */
export function noise(width: number, height: number): Sharp {
  const gaussian = { type: "gaussian", mean: 128, sigma: 40 } as const;
  return sharp({ create: { width, height, channels: 3, background: "#888", noise: gaussian } });
}

function chunk(type: string, content: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type), content]);
  const out = Buffer.alloc(body.length + 8);
  out.writeUInt32BE(content.length, 0);
  body.copy(out, 4);
  out.writeUInt32BE(crc32(body), body.length + 4);
  return out;
}

/** A PNG that says how large it is and has a handful of bytes. */
export function bomb(width: number, height: number): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from("\x89PNG\r\n\x1a\n", "latin1"),
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(Buffer.alloc(100_000))),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

export const SVG = Buffer.from(
  '<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY e SYSTEM "file:///etc/passwd">]><svg xmlns="http://www.w3.org/2000/svg"><text>&e;</text></svg>',
);
export const PDF = Buffer.from("%PDF-1.7\n1 0 obj << /Type /Catalog >> endobj\n%%EOF\n");
/** Where the camera was: 47 degrees north. */
export const GPS = {
  IFD0: { Copyright: "Somebody" },
  IFD3: { GPSLatitudeRef: "N", GPSLatitude: "47/1 36/1 0/1" },
};

/** Mean of a channel over the left or right half of a picture. */
export async function meanOf(image: Buffer, channel: number, side: "left" | "right"): Promise<number> {
  const { width, height } = await sharp(image).metadata();
  const half = {
    left: side === "left" ? 0 : Math.ceil(width / 2),
    top: 0,
    width: Math.floor(width / 2),
    height,
  };
  const { channels } = await sharp(await sharp(image).extract(half).toBuffer()).stats();
  return channels[channel]?.mean ?? Number.NaN;
}
