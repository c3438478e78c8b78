import { expect } from "chai";
import { StartGate } from "../../../local/lambda/start-gate.ts";

describe("the gate of environments that start", () => {
  it("lets as many in as it has turns, and the next when one is ready or has failed", async () => {
    const gate = new StartGate(2);
    const ready = Promise.withResolvers<void>();
    const [first, second, third] = [gate.enter(), gate.enter(), gate.enter()];
    expect([first, second, third].map((turn) => turn !== undefined)).to.deep.equal([true, true, false]);
    first?.(ready.promise);
    second?.(Promise.reject(new Error("It never came up.")));
    await new Promise<void>((resolve) => gate.onFree(resolve));
    const fourth = gate.enter();
    expect(fourth).to.be.a("function");
    expect(gate.enter()).to.equal(undefined);
    ready.resolve();
    await new Promise<void>((resolve) => gate.onFree(resolve));
    expect(gate.enter()).to.be.a("function");
  });

  it("wakes those that wait in their order, and not those that wait no longer", async () => {
    const gate = new StartGate(1);
    const turn = gate.enter();
    const woken: string[] = [];
    const forget = gate.onFree(() => woken.push("left"));
    gate.onFree(() => woken.push("first"));
    gate.onFree(() => woken.push("second"));
    forget();
    turn?.(Promise.resolve());
    await new Promise(setImmediate);
    expect(woken).to.deep.equal(["first"]);
  });
});
