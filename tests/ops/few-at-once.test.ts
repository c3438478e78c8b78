import { setImmediate as turn } from "node:timers/promises";
import { expect } from "chai";
import { fewAtOnce } from "../../ops/shared/few-at-once.ts";
import { failure } from "../local/services/aws.ts";

describe("a few at once", () => {
  const ITEMS = Array.from({ length: 20 }, (_, index) => index);

  it("are never more, and answer in order", async () => {
    let [running, most] = [0, 0];
    const doubled = await fewAtOnce(ITEMS, 3, async (item) => {
      running += 1;
      most = Math.max(most, running);
      for (let turns = item % 4; turns >= 0; turns -= 1) await turn();
      running -= 1;
      return item * 2;
    });
    expect(doubled).to.deep.equal(ITEMS.map((item) => item * 2));
    expect(most).to.equal(3);
    expect(await fewAtOnce([], 3, async () => 1)).to.deep.equal([]);
  });

  it("end with the first failure: nothing is begun after it", async () => {
    const begun: number[] = [];
    const work = async (item: number): Promise<void> => {
      begun.push(item);
      await turn();
      if (item === 3) throw new Error("refused");
    };
    expect((await failure(fewAtOnce(ITEMS, 2, work))).message).to.equal("refused");
    await turn();
    await turn();
    expect(begun).to.have.length.at.most(5);
  });
});
