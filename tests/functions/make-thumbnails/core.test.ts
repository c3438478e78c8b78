import { expect } from "chai";
import * as fc from "fast-check";
import {
  isNews,
  judgeBytes,
  judgeFailure,
  judgeHeader,
  padSequencer,
  sniff,
  thumbnailWidths,
} from "../../../functions/make-thumbnails/core.ts";
import { MAX_IMAGE_BYTES, parseUploadKey, uploadKey } from "../../../functions/shared/image.ts";

const ID = "0b7c1f3e-0f0d-4b6e-9a55-0123456789ab";
const bytes = (text: string): Buffer => Buffer.from(text, "latin1");

describe("what is an image", () => {
  it("is told by its first bytes", () => {
    for (const [start, format] of [
      ["\xff\xd8\xff\xe0", "jpeg"],
      ["\x89PNG\r\n\x1a\n", "png"],
      ["RIFF\x10\0\0\0WEBPVP8 ", "webp"],
      ["GIF87a", "gif"],
      ["GIF89a", "gif"],
      ["II*\0", "tiff"],
      ["MM\0*", "tiff"],
      ["II+\0", "tiff"],
      ["\0\0\0\x1cftypavif\0\0\0\0", "avif"],
      ["\0\0\0\x20ftypmif1\0\0\0\0mif1avifmiaf", "avif"],
    ] as const) {
      expect(sniff(bytes(start)), start).to.equal(format);
    }
  });

  it("is nothing that only resembles one, and nothing at all for any other bytes", () => {
    for (const start of [
      "\xff\xd8",
      "\x89PNG",
      "RIFF\x10\0\0\0WAVE",
      "GIF88a",
      "II*",
      "\0\0\0\x08ftyp",
      "xftypavif",
      "",
    ]) {
      expect(sniff(bytes(start)), start).to.have.property("code", "unsupported");
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (random) => {
        const found = sniff(random);
        expect(typeof found === "string" || found.code === "unsupported").to.equal(true);
      }),
    );
  });

  it("is named when it is something else", () => {
    for (const [start, name] of [
      ["%PDF-1.7", "PDF"],
      ["<!-- a --><svg>", "SVG"],
      ["<?xml version='1.0'?><feed>", "XML"],
      ["PK\x03\x04", "ZIP"],
      ["BM", "BMP"],
      ["\0\0\0\x18ftypisom", "video"],
      ['{"a":1}', "JSON"],
    ] as const) {
      expect(sniff(bytes(start)))
        .to.have.property("detail")
        .that.contains(name);
    }
  });

  it("has 1 byte to 25 MiB", () => {
    expect([1, MAX_IMAGE_BYTES].map(judgeBytes)).to.deep.equal([undefined, undefined]);
    expect([0, MAX_IMAGE_BYTES + 1].map((size) => judgeBytes(size)?.code)).to.deep.equal([
      "empty",
      "too-large",
    ]);
  });

  it("has what its first bytes promise, and at most 50 megapixels", () => {
    const header = { format: "jpeg", width: 10_000, height: 5_000 };
    expect(judgeHeader(header, "jpeg")).to.equal(undefined);
    expect(judgeHeader({ ...header, height: 5_001 }, "jpeg")?.code).to.equal("too-many-pixels");
    expect(judgeHeader({ ...header, channels: 5 }, "jpeg")).to.equal(undefined);
    expect(judgeHeader({ ...header, channels: 6 }, "jpeg")?.code).to.equal("unsupported");
    expect(judgeHeader({ ...header, width: 0 }, "jpeg")?.code).to.equal("damaged");
    expect(judgeHeader({ ...header, format: "svg" }, "jpeg")?.detail).to.equal(
      "It begins as jpeg and goes on as svg.",
    );
    expect(judgeHeader({ ...header, format: "heif", compression: "hevc" }, "avif")?.code).to.equal("damaged");
    expect(judgeHeader({ ...header, format: "heif", compression: "av1" }, "avif")).to.equal(undefined);
  });

  it("is damaged when a decoder says so, and not when the machine has no memory", () => {
    expect(judgeFailure(new Error("VipsJpeg: premature end of JPEG image\nmore")).detail).to.equal(
      "It cannot be decoded: VipsJpeg: premature end of JPEG image",
    );
    expect(judgeFailure(new Error("timeout: 12% complete")).code).to.equal("too-slow");
    expect(() => judgeFailure(new Error("vips: out of memory"))).to.throw("out of memory");
  });
});

describe("thumbnail widths", () => {
  it("are never wider than the image, largest first, each once", () => {
    expect(thumbnailWidths(4_000)).to.deep.equal([1024, 512, 128]);
    expect(thumbnailWidths(1024)).to.deep.equal([1024, 512, 128]);
    expect(thumbnailWidths(600)).to.deep.equal([600, 512, 128]);
    expect(thumbnailWidths(512)).to.deep.equal([512, 128]);
    expect(thumbnailWidths(100)).to.deep.equal([100]);
  });
});

describe("the order of uploads", () => {
  it("is that of their sequencers, padded on the right, whatever their case", () => {
    expect(isNews({ sequencer: "" }, "00")).to.equal(true);
    expect(isNews({ sequencer: padSequencer("0055AED6DCD90281E5") }, "0055AED6DCD90281E6")).to.equal(true);
    expect(isNews({ sequencer: padSequencer("0055AED6DCD90281E5") }, "0055AED6DCD90281E5")).to.equal(false);
    expect(isNews({ sequencer: padSequencer("0055AED6DCD90281E5") }, "0055AED6DCD9")).to.equal(false);
    expect(isNews({ sequencer: padSequencer("0055AE") }, "0055AE01")).to.equal(true);
    expect(padSequencer("ab")).to.equal(padSequencer("AB"));
  });
});

describe("upload keys", () => {
  it("say whose and which image they are, and nothing of any other form", () => {
    const key = uploadKey("client-1", ID);
    expect(parseUploadKey(key)).to.deep.include({ imageId: ID });
    expect(key).not.to.contain("client-1");
    const [, owner = ""] = key.split("/");
    for (const odd of [
      "",
      "uploads/",
      `uploads/${owner}/${ID}/x`,
      `uploads/${owner}/${ID}.jpg`,
      `uploads/../${owner}/${ID}`,
      `uploads/${owner}/../${ID}`,
      `uploads/a b+c/${ID}`,
      `uploads/${owner}/${ID.toUpperCase()}`,
      `uploads/ünï/${ID}`,
      `${key}\n`,
      "x".repeat(1024),
    ]) {
      expect(parseUploadKey(odd), odd).to.equal(undefined);
    }
  });
});
