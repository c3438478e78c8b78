import { readFile } from "node:fs/promises";
import { expect } from "chai";
import sharp, { type Sharp } from "sharp";
import { makePicture, type Picture } from "../../../functions/make-thumbnails/resize.ts";
import type { Rejection } from "../../../functions/shared/image.ts";
import { bomb, GPS, halves, meanOf, noise, PDF, SVG } from "./pictures.ts";

const EXACT = 12;

async function picture(bytes: Buffer): Promise<Picture> {
  const made = await makePicture(bytes);
  if ("code" in made) throw new Error(`rejected: ${made.detail}`);
  return made;
}

async function rejection(bytes: Buffer): Promise<Rejection> {
  const made = await makePicture(bytes);
  if ("code" in made) return made;
  throw new Error(`taken as ${made.format}`);
}

const sizes = ({ thumbnails }: Picture): string[] =>
  thumbnails.map(({ width, height }) => `${width}x${height}`);

/** The thumbnail of a picture whose left half must be red, and its right half blue. */
async function expectHalves(made: Picture, tolerance = EXACT): Promise<void> {
  for (const { data } of made.thumbnails) {
    const means = [
      await meanOf(data, 0, "left"),
      await meanOf(data, 2, "left"),
      await meanOf(data, 0, "right"),
      await meanOf(data, 2, "right"),
    ];
    for (const [index, wanted] of [255, 0, 0, 255].entries()) {
      expect(means[index], `mean ${index} of ${means}`).to.be.closeTo(wanted, tolerance);
    }
  }
}

describe("thumbnails of an image", function () {
  this.timeout(30_000);

  it("are WebP, 1024, 512 and 128 pixels wide, in its own proportion", async () => {
    const made = await picture(await halves(2048, 1000).jpeg().toBuffer());
    expect([made.format, made.width, made.height, sizes(made)]).to.deep.equal([
      "jpeg",
      2048,
      1000,
      ["1024x500", "512x250", "128x63"],
    ]);
    for (const { data, width, height } of made.thumbnails) {
      const { format, ...real } = await sharp(data).metadata();
      expect([format, real.width, real.height]).to.deep.equal(["webp", width, height]);
    }
    await expectHalves(made);
  });

  for (const [format, encode] of [
    ["png", () => halves(600, 300).png()],
    ["webp", () => halves(600, 300).webp({ lossless: true })],
    ["avif", () => halves(600, 300).avif({ quality: 90, effort: 0 })],
    ["gif", () => halves(600, 300).gif()],
    ["tiff", () => halves(600, 300).tiff()],
  ] as [string, () => Sharp][]) {
    it(`are made of ${format.toUpperCase()}`, async () => {
      const made = await picture(await encode().toBuffer());
      expect([made.format, sizes(made)]).to.deep.equal([format, ["600x300", "512x256", "128x64"]]);
      await expectHalves(made);
    });
  }

  it("never enlarge: a narrower image has its own width, once", async () => {
    expect(sizes(await picture(await halves(300, 200).png().toBuffer()))).to.deep.equal([
      "300x200",
      "128x85",
    ]);
    expect(sizes(await picture(await halves(100, 50).png().toBuffer()))).to.deep.equal(["100x50"]);
    expect(sizes(await picture(await halves(1, 1).png().toBuffer()))).to.deep.equal(["1x1"]);
  });

  it("fit into what WebP can hold when the image is a ribbon", async () => {
    const tall = await picture(await noise(40, 20_000).png().toBuffer());
    expect([tall.height, sizes(tall)]).to.deep.equal([20_000, ["33x16383"]]);
    expect(sizes(await picture(await noise(20_000, 2).png().toBuffer()))).to.deep.equal([
      "1024x1",
      "512x1",
      "128x1",
    ]);
  });

  for (let orientation = 1; orientation <= 8; orientation += 1) {
    it(`are upright with EXIF orientation ${orientation}`, async () => {
      const turned = await upsideTo(orientation);
      const made = await picture(turned);
      expect([made.width, made.height]).to.deep.equal([400, 200]);
      await expectHalves(made, 20);
    });
  }

  it("hold no metadata: no EXIF, no position, no profile", async () => {
    const bytes = await halves(800, 400).withExif(GPS).withIccProfile("p3").jpeg().toBuffer();
    expect(await sharp(bytes).metadata()).to.include.keys("exif", "icc");
    for (const { data } of (await picture(bytes)).thumbnails) {
      expect(await sharp(data).metadata()).not.to.have.any.keys("exif", "icc", "xmp", "iptc", "orientation");
      expect(data.includes("EXIF")).to.equal(false);
    }
  });

  it("are sRGB whatever the profile: Display P3's full green is beyond sRGB's", async () => {
    const raw = Buffer.alloc(64 * 64 * 3);
    for (let pixel = 0; pixel < raw.length; pixel += 3) raw.set([100, 200, 100], pixel);
    const p3 = await sharp(raw, { raw: { width: 64, height: 64, channels: 3 } })
      .withIccProfile("p3", { attach: true })
      .png()
      .toBuffer();
    // As an untagged reader sees them, the numbers stand in P3; shown right, they are the colour that was encoded.
    const [made] = (await picture(p3)).thumbnails;
    const { channels } = await sharp(made?.data).stats();
    expect(channels.map(({ mean }) => Math.round(mean / 4))).to.deep.equal([25, 50, 25]);
    const untagged = await sharp(p3).keepIccProfile().raw().toBuffer();
    expect(untagged[0]).not.to.equal(100);
  });

  it("are right of CMYK, of 16 bits and of grey", async () => {
    // Ink has no such blue: sRGB's is nearest to about 46, 49, 146.
    const cmyk = await halves(400, 200).toColourspace("cmyk").jpeg().toBuffer();
    expect((await sharp(cmyk).metadata()).space).to.equal("cmyk");
    const { thumbnails } = await picture(cmyk);
    const [ink = Buffer.alloc(0)] = thumbnails.map(({ data }) => data);
    expect(await meanOf(ink, 0, "left")).to.be.greaterThan(220);
    expect(await meanOf(ink, 2, "right")).to.be.closeTo(146, 20);
    const eight = await halves(400, 200).png().toBuffer();
    for (const deep of [
      await sharp(eight).toColourspace("rgb16").png().toBuffer(),
      await sharp(eight).toColourspace("rgb16").tiff({ compression: "none" }).toBuffer(),
    ]) {
      expect((await sharp(deep).metadata()).depth).to.equal("ushort");
      await expectHalves(await picture(deep));
    }
    const grey = await sharp({ create: { width: 200, height: 100, channels: 3, background: "#808080" } })
      .toColourspace("b-w")
      .png()
      .toBuffer();
    const [made] = (await picture(grey)).thumbnails;
    expect((await sharp(made?.data).stats()).channels.map(({ mean }) => Math.round(mean))).to.deep.equal([
      128, 128, 128,
    ]);
  });

  it("keep transparency, without a dark rim", async () => {
    const half = { r: 255, g: 255, b: 255, alpha: 0.5 };
    const bytes = await sharp({ create: { width: 800, height: 800, channels: 4, background: half } })
      .png()
      .toBuffer();
    for (const { data } of (await picture(bytes)).thumbnails) {
      const { channels } = await sharp(data).stats();
      expect(channels.map(({ mean }) => Math.round(mean))).to.deep.equal([255, 255, 255, 128]);
    }
  });

  it("show the first frame of an animation", async () => {
    const frames = await Promise.all(
      ["#00ff00", "#ff0000", "#0000ff"].map((background) =>
        sharp({ create: { width: 60, height: 40, channels: 3, background } })
          .png()
          .toBuffer(),
      ),
    );
    for (const format of ["gif", "webp"] as const) {
      const animated = await sharp(frames, { join: { animated: true } })
        .toFormat(format)
        .toBuffer();
      expect((await sharp(animated).metadata()).pages).to.equal(3);
      const made = await picture(animated);
      expect(sizes(made)).to.deep.equal(["60x40"]);
      const [red, green] = (await sharp(made.thumbnails[0]?.data).stats()).channels;
      expect([Math.round(red?.mean ?? 0) < 10, Math.round(green?.mean ?? 0) > 245]).to.deep.equal([
        true,
        true,
      ]);
    }
  });

  it("are the same bytes of the same upload", async () => {
    const bytes = await readFile("samples/photographs/rocket.jpg");
    const [one, two] = [await picture(bytes), await picture(bytes)];
    expect(one.thumbnails.every(({ data }, index) => two.thumbnails[index]?.data.equals(data))).to.equal(
      true,
    );
  });

  describe("are refused, with the reason, of", () => {
    it("a decompression bomb, before a pixel is decoded", async () => {
      const before = process.memoryUsage().rss;
      const { code, detail } = await rejection(bomb(30_000, 30_000));
      expect([code, detail]).to.deep.equal([
        "too-many-pixels",
        "It has 30000 x 30000 pixels; at most 50000000 are decoded.",
      ]);
      expect(process.memoryUsage().rss - before).to.be.below(100e6);
    });

    it("more than 50 megapixels by one row, and not of 50 megapixels", async () => {
      expect((await rejection(bomb(10_000, 5_001))).code).to.equal("too-many-pixels");
      expect((await rejection(bomb(10_000, 5_000))).code).to.equal("damaged");
    });

    it("a truncated or corrupt file of every format", async () => {
      for (const format of ["jpeg", "png", "webp", "avif", "gif", "tiff"] as const) {
        const whole = await noise(300, 300).toFormat(format).toBuffer();
        const { code, detail } = await rejection(whole.subarray(0, Math.floor(whole.length / 3)));
        expect([format, code, /cannot be decoded|It begins/.test(detail)]).to.deep.equal([
          format,
          "damaged",
          true,
        ]);
      }
    });

    it("SVG, PDF, HTML and whatever else, unseen by a decoder", async () => {
      for (const [bytes, name] of [
        [SVG, "an SVG drawing"],
        [PDF, "a PDF document"],
        [Buffer.from("<!doctype html><title>x"), "an HTML page"],
        [Buffer.from("hello"), "no known type of file"],
        [Buffer.from("\0\0\0\x18ftypheic\0\0\0\0mif1heic", "latin1"), "a HEIC image"],
      ] as [Buffer, string][]) {
        const { code, detail } = await rejection(bytes);
        expect([code, detail]).to.deep.equal([
          "unsupported",
          `It is ${name}; JPEG, PNG, WebP, AVIF, GIF and TIFF images are taken.`,
        ]);
      }
    });
  });
});

/** A 400 x 200 picture, red left, as a camera stores it that says `orientation`. */
async function upsideTo(orientation: number): Promise<Buffer> {
  const upright = await halves(400, 200).png().toBuffer();
  const turned = async (degrees: number): Promise<Sharp> =>
    sharp(await sharp(upright).rotate(degrees).png().toBuffer());
  const stored: Record<number, () => Promise<Sharp>> = {
    1: () => turned(0),
    2: async () => (await turned(0)).flop(),
    3: () => turned(180),
    4: async () => (await turned(0)).flip(),
    5: async () => (await turned(90)).flop(),
    6: () => turned(270),
    7: async () => (await turned(270)).flop(),
    8: () => turned(90),
  };
  const image = await stored[orientation]?.();
  return sharp(await image?.png().toBuffer())
    .withMetadata({ orientation })
    .jpeg({ quality: 95 })
    .toBuffer();
}

// Not proven here: peak memory of the largest images, which bench/thumbnails states.
