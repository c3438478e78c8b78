import { expect } from "chai";
import { unzipSync } from "fflate";
import { contentHash, zip } from "../../../components/packaging/archive.ts";

const text = (content: string): Uint8Array => Buffer.from(content);

describe("a deterministic zip", () => {
  it("is the same bytes whatever the order of its entries, and unpacks to them", () => {
    const one = zip({ "index.js": text("1"), "a/native.node": text("2") });
    const two = zip({ "a/native.node": text("2"), "index.js": text("1") });
    expect(Buffer.from(one).equals(Buffer.from(two))).to.equal(true);
    expect(Object.keys(unzipSync(one))).to.deep.equal(["a/native.node", "index.js"]);
  });

  it("says 1 January 1980, mode 0644 and nothing else of the machine it was made on", () => {
    const bytes = Buffer.from(zip({ "index.js": text("content") }));
    const [date, extraLength] = [bytes.readUInt16LE(12), bytes.readUInt16LE(28)];
    expect([date, extraLength]).to.deep.equal([(1 << 5) | 1, 0]);
    const directory = bytes.lastIndexOf(Buffer.from([0x50, 0x4b, 1, 2]));
    expect((bytes.readUInt32LE(directory + 38) >>> 16).toString(8)).to.equal("100644");
    expect(bytes.readUInt16LE(directory + 30)).to.equal(0);
  });

  it("has a hash that no shift between names and contents keeps", () => {
    expect(contentHash({ ab: text("c") })).not.to.equal(contentHash({ a: text("bc") }));
    expect(contentHash({ a: text("1"), b: text("2") })).to.equal(contentHash({ b: text("2"), a: text("1") }));
  });
});
