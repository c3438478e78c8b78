import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { type Watching, watchProgram } from "../../local/watch.ts";

describe("watching the program", () => {
  let directory: string;
  let watching: Watching;
  let calls: number;
  /** Resolves at the next call; `hold` keeps that call busy. */
  let called: PromiseWithResolvers<void>;
  let hold: Promise<void> | undefined;

  const touch = (path: string): Promise<void> => writeFile(join(directory, path), "");

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "watch-"));
    for (const folder of ["functions/shared", "node_modules/left-pad", "tests"]) {
      await mkdir(join(directory, folder), { recursive: true });
    }
    calls = 0;
    called = Promise.withResolvers();
    hold = undefined;
    const onChange = async (): Promise<void> => {
      calls += 1;
      called.resolve();
      called = Promise.withResolvers();
      await hold;
    };
    const onError = (error: Error): void => called.reject(error);
    watching = await watchProgram({ directory, onChange, onError });
  });

  afterEach(async () => {
    watching.close();
    await rm(directory, { recursive: true, force: true });
  });

  it("sees changes at the top, below, and in folders made since, each burst once", async () => {
    for (const path of ["index.ts", "functions/shared/keys.ts", "Pulumi.dev.yaml"]) {
      const seen = called.promise;
      await touch(path);
      await touch(path);
      await seen;
    }
    expect(calls).to.equal(3);
    const made = called.promise;
    await mkdir(join(directory, "stacks"));
    await touch("stacks/api.ts");
    await made;
  });

  it("sees a file again that an editor has replaced, and a folder that was made anew", async () => {
    const replaced = called.promise;
    await touch("functions/keys.ts.new");
    await rename(join(directory, "functions/keys.ts.new"), join(directory, "functions/keys.ts"));
    await replaced;
    const written = called.promise;
    await touch("functions/keys.ts");
    await written;
    const removed = called.promise;
    await writeFile(join(directory, "functions/shared/keys.ts"), "");
    await rm(join(directory, "functions/shared"), { recursive: true });
    await removed;
    const back = called.promise;
    await mkdir(join(directory, "functions/shared"));
    await touch("functions/shared/keys.ts");
    await back;
    const again = called.promise;
    await touch("functions/shared/keys.ts");
    await again;
  });

  it("takes up what changes during a call with one more call", async () => {
    const release = Promise.withResolvers<void>();
    hold = release.promise;
    const first = called.promise;
    await touch("index.ts");
    await first;
    const second = called.promise;
    await touch("functions/shared/keys.ts");
    hold = undefined;
    release.resolve();
    await second;
    expect(calls).to.equal(2);
  });

  it("ignores dependencies, tests and other kinds of files", async () => {
    const seen = called.promise;
    for (const path of [
      "node_modules/left-pad/index.ts",
      "tests/a.test.ts",
      "README.md",
      "functions/a.txt",
    ]) {
      await touch(path);
    }
    await touch("index.ts");
    await seen;
    expect(calls).to.equal(1);
  });

  it("does not call again once it is closed", async () => {
    const witness = Promise.withResolvers<void>();
    const onError = (error: Error): void => witness.reject(error);
    const other = await watchProgram({ directory, onChange: async () => witness.resolve(), onError });
    await touch("index.ts");
    watching.close();
    await witness.promise.finally(() => other.close());
    expect(calls).to.equal(0);
  });
});
