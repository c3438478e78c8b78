import { expect } from "chai";
import { systemClock, VirtualClock } from "../../../local/kit/clock.ts";

describe("VirtualClock", () => {
  it("moves only when told to, and wakes sleepers in the order of their time", async () => {
    const clock = new VirtualClock(1_000);
    const woken: [string, number][] = [];
    const sleep = (name: string, ms: number) => clock.sleep(ms).then(() => woken.push([name, clock.now()]));
    void sleep("late", 20);
    void sleep("early", 10);
    await clock.advance(9);
    expect(woken).to.deep.equal([]);
    await clock.advance(20);
    expect(woken).to.deep.equal([
      ["early", 1_010],
      ["late", 1_020],
    ]);
    expect(clock.now()).to.equal(1_029);
  });

  it("lets a sleeper that sleeps again wake within one advance", async () => {
    const clock = new VirtualClock(0);
    const times: number[] = [];
    const tick = async () => {
      for (let turn = 0; turn < 3; turn += 1) {
        await clock.sleep(10);
        times.push(clock.now());
      }
    };
    void tick();
    await clock.advance(100);
    expect(times).to.deep.equal([10, 20, 30]);
  });

  it("forgets a sleeper whose signal is aborted", async () => {
    const clock = new VirtualClock();
    const controller = new AbortController();
    const sleeping = clock.sleep(10, controller.signal).catch((error: Error) => error.message);
    controller.abort(new Error("enough"));
    expect(await sleeping).to.equal("enough");
    expect(clock.sleepers).to.equal(0);
    expect(await clock.sleep(10, controller.signal).catch((error: Error) => error.message)).to.equal(
      "enough",
    );
  });

  it("tells when somebody sleeps", async () => {
    const clock = new VirtualClock(0);
    const watching = clock.waitForSleepers(2);
    void clock.sleep(7);
    void clock.sleep(5);
    await watching;
    expect(clock.nextWake).to.equal(5);
  });
});

describe("systemClock", () => {
  it("ends a sleep early when its signal is aborted", async () => {
    const controller = new AbortController();
    const sleeping = systemClock.sleep(60_000, controller.signal).catch((error: Error) => error.message);
    controller.abort(new Error("enough"));
    expect(await sleeping).to.equal("enough");
  });
});
