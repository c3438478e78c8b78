import { expect } from "chai";
import { UsageError } from "../../../local/cli.ts";
import { parseFlags } from "../../../ops/capacity/flags.ts";

describe("the capacity command's flags", () => {
  it("read a fleet, a burst and a picture, each with its defaults", () => {
    expect(parseFlags(["--devices", "1e6", "--every", "30s", "--mqtt", "0.5"])).to.deep.equal({
      task: "fleet",
      stack: "dev",
      json: false,
      account: 1_000,
      seed: 1,
      devices: 1_000_000,
      everySeconds: 30,
      mqttShare: 0.5,
      load: undefined,
    });
    expect(parseFlags(["--burst", "10", "--function", "f", "--provisioned", "0", "--over", "5s"])).to.include(
      {
        task: "burst",
        count: 10,
        overMs: 5_000,
        attempts: 1,
        function: "f",
        provisioned: 0,
      },
    );
    expect(parseFlags(["--svg", "a.svg", "--seed", "7"])).to.include({ task: "svg", file: "a.svg", seed: 7 });
  });

  for (const [args, says] of [
    [["--devices", "-5"], '--devices is "-5"'],
    [["--devices", "0"], '--devices is "0"; it must be a whole number from 1 to'],
    [["--devices", "many"], '--devices is "many"'],
    [["--devices", "1e13"], '--devices is "1e13"'],
    [["--devices", "Infinity"], '--devices is "Infinity"'],
    [["--devices", ""], '--devices is ""'],
    [["--devices", "10", "--every", "0s"], '--every is "0s"'],
    [["--devices", "10", "--every", "-1s"], '--every is "-1s"'],
    [["--devices", "10", "--mqtt", "2"], '--mqtt is "2"'],
    [["--devices", "10", "--account", "0"], '--account is "0"'],
    [["--burst", "0"], '--burst is "0"'],
    [["--burst", "1e9"], '--burst is "1e9"'],
    [["--burst", "1", "--provisioned", "-1"], '--provisioned is "-1"'],
    [["--burst", "1", "--attempts", "0"], '--attempts is "0"'],
    [["--svg", "a.png"], '--svg is "a.png"'],
    [[], "Give one of --devices, --load, --burst and --svg."],
    [["--devices", "1", "--burst", "1"], "(given: --devices, --burst)"],
    [["--burst", "1", "--every", "1s"], "--every does not go with --burst."],
  ] as const) {
    it(`refuse ${args.join(" ") || "nothing"}, saying what is wrong`, () => {
      expect(() => parseFlags(args))
        .to.throw(UsageError)
        .with.property("message")
        .that.includes(says);
    });
  }
});
