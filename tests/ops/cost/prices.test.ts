import { expect } from "chai";
import { DEFAULT_PRICES, PRICE_NAMES, parsePrices, readPrices } from "../../../ops/cost/prices.ts";

const prices = await readPrices();

interface Loose {
  date?: string;
  entries: Record<string, { per: unknown; tiers: { usd: number }[] }>;
}

const refusal = (change: (file: Loose) => void): string => {
  const file: Loose = JSON.parse(JSON.stringify(prices));
  change(file);
  try {
    parsePrices(JSON.stringify(file), "mine.json");
  } catch (error) {
    return (error as Error).message;
  }
  return "taken";
};

describe("ops/cost: prices", () => {
  it("are dated, of one region, and each with AWS's page", () => {
    expect(prices.region).to.equal("us-east-1");
    expect(prices.date).to.match(/^\d{4}-\d\d-\d\d$/);
    expect(Object.keys(prices.entries).sort()).to.deep.equal([...PRICE_NAMES].sort());
    for (const [name, { page }] of Object.entries(prices.entries))
      expect(page, name).to.match(/^https:\/\/aws\.amazon\.com\/.+pricing/);
  });

  it("are taken from another file, wholly", () => {
    expect(refusal(() => {})).to.equal("taken");
  });

  it("are refused in a sentence that names the entry", () => {
    expect(refusal(({ entries }) => delete entries["sqs.fifo"])).to.equal(
      'The price file mine.json cannot be: entry "sqs.fifo" is missing.',
    );
    expect(refusal(({ entries }) => entries["sqs.fifo"]!.tiers.unshift({ usd: -1 }))).to.equal(
      'The price file mine.json cannot be: entry "sqs.fifo" is wrong: tiers.0.usd must be >= 0.',
    );
    expect(refusal(({ entries }) => Object.assign(entries["sqs.fifo"]!, { per: "1e6" }))).to.equal(
      'The price file mine.json cannot be: entry "sqs.fifo" is wrong: per must be number.',
    );
    expect(refusal(({ entries }) => entries["sqs.fifo"]!.tiers.pop())).to.equal(
      'The price file mine.json cannot be: entry "sqs.fifo" is wrong: its tiers must rise by upTo, and the last must have none.',
    );
    expect(refusal(({ entries }) => Object.assign(entries, { gold: entries["sqs.fifo"] }))).to.equal(
      'The price file mine.json cannot be: entry "gold" is unknown.',
    );
    expect(refusal((file) => delete file.date)).to.match(/^The price file mine\.json cannot be: .*date/);
  });

  it("are refused when there is no file, or no JSON in it", async () => {
    expect(() => parsePrices("{", "mine.json")).to.throw("The price file mine.json is not JSON.");
    const error = await readPrices("/nowhere/prices.json").catch((reason: Error) => reason);
    expect((error as Error).message).to.equal("The price file /nowhere/prices.json cannot be read: ENOENT.");
    expect(DEFAULT_PRICES.pathname).to.contain("ops/cost/prices.us-east-1.json");
  });
});
