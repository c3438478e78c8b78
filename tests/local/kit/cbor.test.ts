import { expect } from "chai";
import { decodeCbor, encodeCbor } from "../../../local/kit/cbor.ts";

const decode = (hex: string): unknown => decodeCbor(Buffer.from(hex, "hex"));
const encode = (value: unknown): string => encodeCbor(value, () => undefined).toString("hex");

describe("CBOR", () => {
  it("reads the examples of RFC 8949, appendix A", () => {
    const examples: [string, unknown][] = [
      ["00", 0],
      ["1818", 24],
      ["1903e8", 1_000],
      ["1a000f4240", 1_000_000],
      ["1b000000e8d4a51000", 1_000_000_000_000],
      ["29", -10],
      ["3903e7", -1_000],
      ["f93c00", 1],
      ["f9c400", -4],
      ["f90001", 2 ** -24],
      ["f97c00", Number.POSITIVE_INFINITY],
      ["fa47c35000", 100_000],
      ["fb3ff199999999999a", 1.1],
      ["f4", false],
      ["f5", true],
      ["f6", null],
      ["f7", undefined],
      ["c11a514b67b0", 1_363_896_240],
      ["6449455446", "IETF"],
      ["62c3bc", "ü"],
      ["8301820203820405", [1, [2, 3], [4, 5]]],
      ["a26161016162820203", { a: 1, b: [2, 3] }],
      ["9f018202039f0405ffff", [1, [2, 3], [4, 5]]],
      ["bf61610161629f0203ffff", { a: 1, b: [2, 3] }],
      ["7f657374726561646d696e67ff", "streaming"],
    ];
    for (const [hex, value] of examples) expect(decode(hex), hex).to.deep.equal(value);
    expect(decode("f97e00")).to.satisfy(Number.isNaN);
    expect(decode("43010203")).to.deep.equal(Buffer.of(1, 2, 3));
  });

  it("reads again what it wrote, whatever the size", () => {
    const value = {
      small: 1,
      negative: -500,
      large: 2 ** 40,
      broken: 0.1,
      text: "é".repeat(300),
      list: Array.from({ length: 70_000 }, (_, index) => index),
      nothing: null,
      yes: true,
    };
    expect(decodeCbor(encodeCbor({ ...value, left: undefined }, () => undefined))).to.deep.equal(value);
    expect(encode({ a: 1 })).to.equal("a1616101");
  });

  it("tags what it is told to", () => {
    const when = new Date(0);
    const bytes = encodeCbor([when], (each) => (each === when ? { tag: 1, value: 1.5 } : undefined));
    expect(bytes.toString("hex")).to.equal("81c1fb3ff8000000000000");
  });

  it("refuses what is broken, with the reason", () => {
    const refusals: [string, string][] = [
      ["", "too early"],
      ["6449", "too early"],
      ["0000", "more after the value"],
      ["ff", "break stands outside"],
      ["1c", "kind 28"],
      ["a10101", "no text"],
      ["a1695f5f70726f746f5f5f01", "__proto__"],
      ["f0", "simple value 16"],
      ["81".repeat(100), "deeper than 64"],
    ];
    for (const [hex, message] of refusals) expect(() => decode(hex), hex).to.throw(message);
  });
});
