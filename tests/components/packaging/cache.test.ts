import { execFileSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { serve } from "./fixtures/wrap.ts";
import { newPackager, rejection, temporaryFolder } from "./harness.ts";

describe("packages on disk", () => {
  describe("the cache", () => {
    const callback = (): number => 42;

    it("rebuilds a zip that was damaged", async () => {
      const { packager, root } = newPackager();
      const { zipPath } = await packager.prepare(callback, { name: "first" }).bundle;
      const original = readFileSync(join(root, zipPath));
      writeFileSync(join(root, zipPath), original.subarray(0, 40));
      const again = await newPackager(root).packager.prepare(callback, { name: "first" }).bundle;
      expect(readFileSync(join(root, again.zipPath)).equals(original)).to.equal(true);
    });

    it("builds again when a file that went into it has changed, and only then", async () => {
      const folder = mkdtempSync(join(import.meta.dirname, "fixtures", "changing-"));
      try {
        const file = join(folder, "value.ts");
        writeFileSync(file, 'import { word } from "./word.ts";\nexport const value = (): string => word;\n');
        writeFileSync(join(folder, "word.ts"), "export const word = 'first';\n");
        const { value } = (await import(file)) as { value: () => string };
        const { packager, root } = newPackager();
        const first = await packager.prepare(value, { name: "value" }).bundle;
        const record = (): string[] =>
          readdirSync(join(root, ".cache/functions/builds")).map(
            (name) => `${name} ${statSync(join(root, ".cache/functions/builds", name)).mtimeMs}`,
          );
        const before = record();
        const same = await newPackager(root).packager.prepare(value, { name: "value" }).bundle;
        expect([same, record()]).to.deep.equal([first, before]);
        writeFileSync(join(folder, "word.ts"), "export const word = 'other';\n");
        const other = await newPackager(root).packager.prepare(value, { name: "value" }).bundle;
        expect(other.hash).not.to.equal(first.hash);
      } finally {
        rmSync(folder, { recursive: true });
      }
    });

    it("compiles a schema once, and again when its record is damaged", async () => {
      const { packager, root } = newPackager();
      const folder = join(root, ".cache/functions/validators");
      const module = join(import.meta.dirname, "fixtures/wrap.ts");
      const validators = { query: { type: "object", properties: { limit: { type: "integer" } } } };
      const options = { name: "first", wrap: { module, export: serve.name, options: {}, validators } };
      const first = await packager.prepare(callback, options).bundle;
      const [record = ""] = readdirSync(folder);
      const written = readFileSync(join(folder, record), "utf8");
      writeFileSync(join(folder, record), written.replace("limit", "timil"));
      const again = await newPackager(root).packager.prepare(callback, options).bundle;
      expect(again).to.deep.equal(first);
      expect(readFileSync(join(folder, record), "utf8")).to.equal(written);
    });

    it("leaves no half-written file behind", async () => {
      const { packager, root } = newPackager();
      await packager.prepare(callback, { name: "first" }).bundle;
      expect(
        readdirSync(join(root, ".cache/functions")).filter((name) => name.endsWith(".tmp")),
      ).to.deep.equal([]);
    });

    it("says in one sentence that its folder cannot be written", async () => {
      const { packager, root } = newPackager();
      writeFileSync(join(root, ".cache"), "a file where the folder should be");
      const { message } = await rejection(packager.prepare(callback, { name: "first" }).bundle);
      expect(message).to.match(
        /^Function "first": cannot write to .*\.cache\/functions .* Make the project's folder writable/,
      );
      expect(message.split("\n")).to.have.length(1);
    });
  });

  describe("the same source anywhere", () => {
    /** Packages a small program in a folder of its own, in a process of its own. */
    function packageIn(folder: string, environment: Record<string, string>, umask: string): string {
      const project = join(temporaryFolder(), folder);
      mkdirSync(project, { recursive: true });
      cpSync(join(import.meta.dirname, "fixtures"), join(project, "fixtures"), { recursive: true });
      cpSync(join(process.cwd(), "components"), join(project, "components"), { recursive: true });
      symlinkSync(join(process.cwd(), "node_modules"), join(project, "node_modules"));
      writeFileSync(join(project, "package.json"), '{"type":"module"}');
      writeFileSync(join(project, "program.ts"), PROGRAM);
      const command = `umask ${umask}; exec "$0" program.ts`;
      const options = {
        cwd: project,
        env: { PATH: process.env.PATH ?? "", ...environment },
        encoding: "utf8",
      } as const;
      return execFileSync("/bin/sh", ["-c", command, process.execPath], options);
    }

    const PROGRAM = `
      import { save } from "./fixtures/shared-table.ts";
      import { prepareCallback } from "./components/packaging/package.ts";
      const ä = { limit: 3 };
      const wrap = { module: process.cwd() + "/fixtures/wrap.ts", export: "serve", options: { a: 1 }, validators: { body: { type: "object" } } };
      const prepared = [prepareCallback(async () => save("t", ä), { name: "one" }), prepareCallback(() => 2, { name: "two", wrap })];
      console.log(JSON.stringify((await Promise.all(prepared.map((each) => each.bundle))).map((each) => each.codeSha256)));
    `;

    it("gives byte-identical zips whatever the path, time zone, locale and umask", () => {
      const here = packageIn("a", { TZ: "Pacific/Apia", LC_ALL: "C" }, "000");
      const there = packageIn(
        "deeper/in another/folder",
        { TZ: "America/St_Johns", LC_ALL: "tr_TR.UTF-8" },
        "077",
      );
      expect(here).to.equal(there);
      expect(JSON.parse(here)).to.have.length(2);
    });
  });
});
