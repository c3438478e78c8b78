import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { readState, removeState, writeState } from "../../local/state.ts";

const state = (pid: number) => ({ pid, endpoint: "http://127.0.0.1:4566", hosts: [], outputs: { a: "b" } });

describe("the state file for the commands of other terminals", () => {
  let directory: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "state-"));
  });

  afterEach(() => rm(directory, { recursive: true, force: true }));

  it("is readable by its owner alone, replaced as a whole, and leaves nothing beside it", async () => {
    await writeState(directory, "dev", state(2));
    await writeState(directory, "dev", { ...state(2), endpoint: "other" });
    expect(await readState(directory, "dev")).to.deep.equal({ ...state(2), endpoint: "other" });
    const folder = join(directory, ".cache/local");
    expect((await readdir(folder, { recursive: true })).sort()).to.deep.equal([
      "dev.json",
      "running",
      join("running", "dev.2.json"),
    ]);
    if (process.platform !== "win32") {
      expect((await stat(join(folder, "dev.json"))).mode & 0o777).to.equal(0o600);
    }
  });

  it("is removed by the system that wrote it, and by no other", async () => {
    await writeState(directory, "dev", state(1));
    await removeState(directory, "dev", 2);
    expect(await readState(directory, "dev")).to.deep.equal(state(1));
    await removeState(directory, "dev", 1);
    expect(await readState(directory, "dev")).to.equal(undefined);
  });

  it("goes back to the system that still runs when a later one of the stack ends", async () => {
    const folder = join(directory, ".cache/local/running");
    const alive = (pid: number): boolean => pid === 1;
    for (const pid of [3, 1, 2]) await writeState(directory, "dev", state(pid));
    await writeState(directory, "dev.2", state(1));
    await removeState(directory, "dev", 2, alive);
    expect(await readState(directory, "dev")).to.deep.equal(state(1));
    expect((await readdir(folder)).sort()).to.deep.equal(["dev.1.json", "dev.2.1.json"]);
    await removeState(directory, "dev", 1, alive);
    expect(await readState(directory, "dev")).to.equal(undefined);
  });

  it("counts as absent when it cannot be read", async () => {
    await writeState(directory, "dev", state(1));
    await writeFile(join(directory, ".cache/local/dev.json"), "{");
    expect(await readState(directory, "dev")).to.equal(undefined);
  });
});
