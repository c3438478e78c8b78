import { expect } from "chai";
import { eachInTurn } from "../../../local/kit/in-turn.ts";
import { failure } from "../services/aws.ts";

describe("steps in turn", () => {
  it("are all taken, one after the other, and what failed first is told at the end", async () => {
    const taken: string[] = [];
    const step = (name: string, error?: string) => async (): Promise<void> => {
      taken.push(`${name} begins`);
      await Promise.resolve();
      taken.push(`${name} ends`);
      if (error !== undefined) throw new Error(error);
    };
    const throwsAtOnce = (): Promise<void> => {
      throw new Error("second");
    };
    const error = await failure(
      eachInTurn(step("serve", "first"), throwsAtOnce, step("stop"), step("clean")),
    );
    expect(error.message).to.equal("first");
    expect(taken).to.deep.equal(
      ["serve", "stop", "clean"].flatMap((name) => [`${name} begins`, `${name} ends`]),
    );
  });

  it("say nothing when none has failed", async () => {
    expect(await eachInTurn(async () => 1)).to.equal(undefined);
  });
});
