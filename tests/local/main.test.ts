import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { ROOT } from "../helpers/source-files.ts";

interface Command {
  child: ChildProcess;
  /** Everything printed so far. */
  output(): string;
  /** Resolves when the output matches; rejects when the command ends first. */
  prints(pattern: RegExp): Promise<void>;
  ended: Promise<number | null>;
}

function start(...args: string[]): Command {
  const child = spawn(process.execPath, [join(ROOT, "local/main.ts"), ...args], { cwd: ROOT });
  let text = "";
  const waiting = new Set<() => void>();
  const collect = (chunk: Buffer): void => {
    text += chunk;
    for (const look of waiting) look();
  };
  child.stdout?.on("data", collect);
  child.stderr?.on("data", collect);
  const ended = new Promise<number | null>((resolve) => child.once("close", (code) => resolve(code)));
  const prints = (pattern: RegExp): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (!pattern.test(text)) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      look();
      void ended.then((code) =>
        reject(new Error(`It ended with ${code} before it printed ${pattern}:\n${text}`)),
      );
    });
  return { child, output: () => text, prints, ended };
}

/** Processes that have this one among their ancestors, by Linux's /proc. */
function descendants(pid: number): number[] {
  const parents = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((name): [number, number] => [Number(name), parentOf(name)]);
  const children = parents.filter(([, parent]) => parent === pid).map(([child]) => child);
  return [...children, ...children.flatMap(descendants)];
}

function parentOf(pid: string): number {
  try {
    return Number(/\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8"))?.[1]);
  } catch {
    return 0;
  }
}

/** A process that has ended but was not waited for is dead, too. */
const isAlive = (pid: number): boolean => {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
};

const commandLine = (pid: number): string => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    return "";
  }
};

describe("npm start", function () {
  this.timeout(120_000);

  it("prints what can be pasted, serves, and on Ctrl-C stops everything and leaves nothing behind", async () => {
    const command = start("--port", "0");
    await command.prints(/Try it[\s\S]*authorization: Bearer/);
    const health = /http:\/\/127\.0\.0\.1:\d+(?=\/devices)/.exec(command.output())?.[0];
    expect((await fetch(`${health}/health`)).status).to.equal(200);
    await command.prints(/invocation api-get-health {2}ok/);
    await command.prints(/request {4}GET \/health {2}200/);
    expect(command.output()).to.match(/clientSecret +\[secret\]/);
    const left = existsSync("/proc") ? descendants(command.child.pid ?? 0) : [];
    const asked = performance.now();
    command.child.kill("SIGINT");
    expect(await command.ended).to.equal(0);
    expect(performance.now() - asked).to.be.lessThan(10_000);
    expect(left.filter(isAlive).map(commandLine)).to.deep.equal([]);
    expect(existsSync(join(ROOT, ".cache/local/dev.json"))).to.equal(false);
  });

  it("stops again when it has nothing to debug, and names the functions there are", async () => {
    const command = start("--port", "0", "--inspect", "nope");
    expect(await command.ended).to.equal(2);
    expect(command.output()).to.match(/^--inspect names "nope"; the functions are [a-z-]+-function-/);
  });

  for (const [args, sentence] of [
    [["--port", "many"], /^--port is many; it must be a whole number from 0 to 65000/],
    [["--stack", "nope"], /^[^\n]*nope[^\n]*dev[^\n]*prod/],
    [["--unknown"], /^[^\n]*--unknown[^\n]*Usage: npm start/],
    [["extra"], /^[^\n]*'extra'[^\n]*Usage: npm start/],
    [
      ["--port", "0", "--data", join(ROOT, "LICENSE")],
      /^The data folder "[^\n]*LICENSE" cannot be used \(ENOTDIR\)/,
    ],
    [["--port", "0", "--data", "/proc/nowhere"], /^The data folder "\/proc\/nowhere" cannot be used/],
  ] as [string[], RegExp][]) {
    it(`says in one sentence what is wrong with ${JSON.stringify(args)}, and ends with an error`, async () => {
      const command = start(...args);
      expect(await command.ended).to.be.greaterThan(0);
      const lines = command.output().trim().split("\n");
      expect(command.output()).to.match(sentence);
      expect(lines).to.have.length(1);
    });
  }
});
