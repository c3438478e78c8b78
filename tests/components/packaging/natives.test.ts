import { createHash } from "node:crypto";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect } from "chai";
import { unzipSync } from "fflate";
import sharp from "sharp";
import { joinZips, zip } from "../../../components/packaging/archive.ts";
import { type Fetch, fetchWithNpm, tarballName } from "../../../components/packaging/native-files.ts";
import { type Lock, nativePackages } from "../../../components/packaging/native-lock.ts";
import { hasBinaries, Natives, packageFolder } from "../../../components/packaging/natives.ts";
import { Packager } from "../../../components/packaging/package.ts";
import { readTarball } from "../../../components/packaging/tarball.ts";
import { withEnvironment } from "../../helpers/environment.ts";
import { failure, rejection, temporaryFolder } from "./harness.ts";

const bytes = (text: string): Buffer => Buffer.from(text);

/** One entry of a tar, as npm writes them. */
function tarEntry(name: string, content: Buffer, { type = "0", prefix = "" } = {}): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write(content.length.toString(8).padStart(11, "0"), 124);
  header.write(type, 156);
  header.write(prefix, 345);
  return Buffer.concat([header, content, Buffer.alloc((512 - (content.length % 512)) % 512)]);
}

const tarball = (files: Record<string, string>): Buffer =>
  gzipSync(
    Buffer.concat(Object.entries(files).map(([name, text]) => tarEntry(`package/${name}`, bytes(text)))),
  );

const integrityOf = (content: Buffer): string =>
  `sha512-${createHash("sha512").update(content).digest("base64")}`;

/** A project with one native package "pixels", and a registry that counts how often it is asked. */
function project(change: (lock: Lock) => void = () => {}) {
  const registry = new Map([
    [
      "pixels",
      tarball({ "index.js": "module.exports = require('@p/linux-arm64');", "index.d.ts": "x", "a.cc": "x" }),
    ],
    ["helper", tarball({ "index.js": "1", LICENSE: "MIT" })],
    ["@p/linux-arm64", tarball({ "lib/pixels.node": "ELF", "package.json": "{}" })],
  ]);
  const entry = (name: string, more: object = {}) => ({
    version: "1.2.3",
    integrity: integrityOf(registry.get(name) ?? bytes("")),
    ...more,
  });
  const lock: Lock = {
    packages: {
      "": {},
      "node_modules/pixels": entry("pixels", {
        dependencies: { helper: "^1" },
        optionalDependencies: {
          "@p/linux-arm64": "1.2.3",
          "@p/linux-x64": "1.2.3",
          "@p/musl": "1",
          "@p/gone": "1",
        },
      }),
      "node_modules/helper": entry("helper", { version: "9.0.0" }),
      "node_modules/pixels/node_modules/helper": entry("helper"),
      "node_modules/@p/linux-arm64": entry("@p/linux-arm64", {
        os: ["linux"],
        cpu: ["arm64"],
        libc: ["glibc"],
      }),
      "node_modules/@p/linux-x64": entry("@p/linux-arm64", { os: ["linux"], cpu: ["x64"] }),
      "node_modules/@p/musl": entry("@p/linux-arm64", { os: ["linux"], cpu: ["arm64"], libc: ["musl"] }),
      "node_modules/plain": entry("helper"),
    },
  };
  change(lock);
  const root = temporaryFolder();
  writeFileSync(join(root, "package-lock.json"), JSON.stringify(lock));
  let asked = 0;
  const fetch: Fetch = async (packages, folder) => {
    asked += 1;
    for (const each of packages)
      writeFileSync(join(folder, tarballName(each)), registry.get(each.name) ?? "");
  };
  return { root, lock, registry, fetch, asked: () => asked };
}

const options = { name: "resize", natives: ["pixels"], maxSize: 12_000_000 };

describe("packages with prebuilt binaries", () => {
  it("are known by their manifest", () => {
    expect(hasBinaries({ gypfile: true })).to.equal(true);
    expect(hasBinaries({ binary: { module_name: "x" } })).to.equal(true);
    expect(hasBinaries({ optionalDependencies: { "@img/sharp-linux-arm64": "1.0.0" } })).to.equal(true);
    expect(hasBinaries({ optionalDependencies: { "@esbuild/linux-x64": "1.0.0" } })).to.equal(true);
    expect(hasBinaries({ optionalDependencies: { "linux-tools": "1.0.0", colours: "1.0.0" } })).to.equal(
      false,
    );
    expect(hasBinaries({})).to.equal(false);
  });

  it("are found from any of their files, nested ones too", () => {
    expect(packageFolder("node_modules/@img/sharp/lib/a.js")).to.equal("node_modules/@img/sharp");
    expect(packageFolder("../x/node_modules/a/node_modules/b/c.js")).to.equal(
      "../x/node_modules/a/node_modules/b",
    );
    expect(packageFolder("functions/shared/keys.ts")).to.equal(undefined);
  });

  describe("in the lockfile", () => {
    const paths = (lock: Lock, name = "pixels"): string[] =>
      nativePackages(lock, name).map(({ path }) => path);

    it("need what they depend on, as Node finds it, and Lambda's build alone", () => {
      expect(paths(project().lock)).to.deep.equal([
        "node_modules/@p/linux-arm64",
        "node_modules/pixels",
        "node_modules/pixels/node_modules/helper",
      ]);
    });

    it("are sharp's for linux-arm64 with glibc in this project", () => {
      const lock = JSON.parse(readFileSync("package-lock.json", "utf8")) as Lock;
      const found = nativePackages(lock, "sharp");
      expect(found.filter(({ isPlatform }) => isPlatform).map(({ name }) => name)).to.deep.equal([
        "@img/sharp-libvips-linux-arm64",
        "@img/sharp-linux-arm64",
      ]);
    });

    for (const [what, name, change, problem] of [
      ["no dependency", "missing", () => {}, /"missing", which is no dependency .*npm install missing/],
      [
        "a plain package",
        "plain",
        () => {},
        /"plain", of which .* no binary for Lambda \(linux-arm64-glibc\)/,
      ],
      [
        "a lockfile without a dependency",
        "pixels",
        (lock: Lock) => {
          delete lock.packages["node_modules/pixels/node_modules/helper"];
          delete lock.packages["node_modules/helper"];
        },
        /lacks "helper", which node_modules\/pixels needs/,
      ],
      [
        "a version that is an option of npm's",
        "pixels",
        (lock: Lock) =>
          Object.assign(lock.packages["node_modules/pixels"] ?? {}, { version: "--registry=x" }),
        /does not pin node_modules\/pixels/,
      ],
      [
        "a weak integrity",
        "pixels",
        (lock: Lock) => Object.assign(lock.packages["node_modules/pixels"] ?? {}, { integrity: "sha1-abc=" }),
        /does not pin node_modules\/pixels .*SHA-512/,
      ],
    ] as [string, string, (lock: Lock) => void, RegExp][]) {
      it(`refuses ${what}`, () => {
        expect(failure(() => nativePackages(project(change).lock, name)).message).to.match(problem);
      });
    }
  });

  describe("declared by a function", () => {
    const callback = (): number => 42;
    const packaged = (made: ReturnType<typeof project>, store = made.root) =>
      new Packager(process.cwd(), store, new Natives(made.root, store, made.fetch)).prepare(callback, options)
        .bundle;

    it("lie in its zip without types and sources, with a manifest, and are fetched and packed once", async () => {
      const made = project();
      const first = await packaged(made);
      const files = unzipSync(readFileSync(join(made.root, first.zipPath)));
      expect(Object.keys(files).sort()).to.deep.equal([
        "index.js",
        "natives.json",
        "node_modules/@p/linux-arm64/lib/pixels.node",
        "node_modules/@p/linux-arm64/package.json",
        "node_modules/pixels/index.js",
        "node_modules/pixels/node_modules/helper/LICENSE",
        "node_modules/pixels/node_modules/helper/index.js",
        "package.json",
      ]);
      const manifest = JSON.parse(Buffer.from(files["natives.json"] ?? []).toString());
      expect(manifest).to.include({ target: "linux-arm64-glibc" });
      expect(manifest.packages.map(({ name }: { name: string }) => name)).to.include("@p/linux-arm64");
      const report = JSON.parse(readFileSync(join(made.root, `.cache/functions/${first.hash}.json`), "utf8"));
      expect(report.natives).to.deep.include({ name: "pixels", version: "1.2.3" });
      expect((await packaged(made)).codeSha256).to.equal(first.codeSha256);
      const other = new Packager(process.cwd(), made.root, new Natives(made.root, made.root, made.fetch));
      await other.prepare(() => 43, options).bundle;
      expect(made.asked()).to.equal(1);
    });

    it("make the same zip in another place and time", async () => {
      const [here, there] = await Promise.all([packaged(project()), packaged(project())]);
      expect(here.codeSha256).to.equal(there.codeSha256);
    });

    it("make another zip when the lockfile pins something else", async () => {
      const made = project();
      const first = await packaged(made);
      const changed = tarball({ "index.js": "other" });
      made.registry.set("pixels", changed);
      const entry = made.lock.packages["node_modules/pixels"] ?? {};
      entry.integrity = integrityOf(changed);
      writeFileSync(join(made.root, "package-lock.json"), JSON.stringify(made.lock));
      expect((await packaged(made)).hash).not.to.equal(first.hash);
    });

    it("are fetched again when the cache is damaged", async () => {
      const made = project();
      const first = await packaged(made);
      const folder = join(made.root, ".cache/natives");
      for (const name of readdirSync(folder)) writeFileSync(join(folder, name), "damaged");
      rmSync(join(made.root, first.zipPath));
      expect((await packaged(made)).codeSha256).to.equal(first.codeSha256);
      expect([made.asked(), readdirSync(folder).length]).to.deep.equal([2, 2]);
    });

    it("are refused with another integrity than the lockfile's, and leave nothing behind", async () => {
      const made = project();
      made.registry.set("helper", tarball({ "index.js": "evil" }));
      const { message } = await rejection(packaged(made));
      expect(message).to.match(
        /^Function "resize": the registry's helper@1\.2\.3 has integrity sha512-.*Do not deploy/,
      );
      expect(readdirSync(join(made.root, ".cache/natives"))).to.deep.equal([]);
    });

    it("need no network when the zip is in the cache, and without either say so with the cure", async () => {
      const made = project();
      await packaged(made);
      const offline: Fetch = () => Promise.reject(new Error("npm cannot fetch pixels"));
      expect(await packaged({ ...made, fetch: offline })).to.have.property("size");
      const error = await rejection(packaged({ ...project(), fetch: offline }));
      expect(error.message).to.equal('Function "resize": npm cannot fetch pixels');
    });

    it("say in one sentence that the registry cannot be reached, with the cure", async () => {
      const made = project();
      // Nobody listens there, and npm's own cache is empty.
      const nowhere = { npm_config_registry: "http://127.0.0.1:9", npm_config_cache: made.root };
      const { message } = await withEnvironment(nowhere, () =>
        rejection(packaged({ ...made, fetch: fetchWithNpm })),
      );
      expect(message).to.match(
        /^Function "resize": npm cannot fetch @p\/linux-arm64@1\.2\.3, .* \(.*127\.0\.0\.1:9.*\)\. Connect to the npm registry/,
      );
      expect(readdirSync(join(made.root, ".cache/natives"))).to.deep.equal([]);
    });

    it("need maxSize and a lockfile", () => {
      const natives = new Natives(temporaryFolder(), temporaryFolder());
      expect(failure(() => natives.of({ name: "resize", natives: ["pixels"] })).message).to.match(
        /^Function "resize": natives names pixels, .*maxSize: 12_000_000/,
      );
      expect(failure(() => natives.of(options)).message).to.match(/need package-lock.json/);
      expect(natives.of({ name: "other" })).to.equal(undefined);
    });

    it("do not let another function of the same build import them undeclared", async () => {
      const packager = new Packager(process.cwd(), temporaryFolder(), declaring());
      const declared = packager.prepare(() => sharp.versions, {
        name: "a",
        natives: ["sharp"],
        maxSize: 12e6,
      });
      const silent = packager.prepare(() => sharp.versions, { name: "b" });
      expect((await rejection(silent.bundle)).message).to.match(/^Function "b": the package 'sharp'/);
      const { modules } = await declared.bundle;
      expect(modules.some(({ path }) => path.includes("node_modules"))).to.equal(false);
    });

    /** The project's own lockfile, with nothing fetched. */
    function declaring(): Natives {
      const natives = new Natives(process.cwd(), temporaryFolder());
      const of = natives.of.bind(natives);
      natives.of = (asked) => {
        const set = of(asked);
        return set && { ...set, packed: async () => zip({}) };
      };
      return natives;
    }
  });

  describe("zips that are joined", () => {
    it("unpack to the files of both, and each entry says where its file is", () => {
      const joined = Buffer.from(
        joinZips(zip({ a: bytes("1"), "b/c": bytes("22") }), zip({ "d/e": bytes("333") }, 6)),
      );
      const files = Object.entries(unzipSync(joined)).map(([name, content]) => [
        name,
        Buffer.from(content).toString(),
      ]);
      expect(files).to.deep.equal([
        ["a", "1"],
        ["b/c", "22"],
        ["d/e", "333"],
      ]);
      const last = joined.lastIndexOf(Buffer.from([0x50, 0x4b, 1, 2]));
      const local = joined.readUInt32LE(last + 42);
      expect(joined.subarray(local, local + 4).toString("latin1")).to.equal("PK\x03\x04");
      expect(joined.subarray(local + 30, local + 33).toString()).to.equal("d/e");
    });
  });

  describe("tarballs", () => {
    it("give files by header, prefix and pax names, and nothing but files", () => {
      const long = `${"d/".repeat(80)}file.js`;
      const record = ` path=package/${long}\n`;
      const tar = Buffer.concat([
        tarEntry("package/a.js", bytes("a")),
        tarEntry("deep/b.js", bytes(""), { prefix: "package/very" }),
        tarEntry("PaxHeader", bytes(`${record.length + 3}${record}`), { type: "x" }),
        tarEntry("short", bytes("long")),
        tarEntry("package/link", bytes(""), { type: "2" }),
        tarEntry("package/folder/", bytes(""), { type: "5" }),
        Buffer.alloc(1024),
      ]);
      const files = readTarball(gzipSync(tar));
      expect([...files].map(([name, content]) => [name, Buffer.from(content).toString()])).to.deep.equal([
        ["a.js", "a"],
        ["very/deep/b.js", ""],
        [long, "long"],
      ]);
    });

    it("are refused when cut short, or when a path leaves the package", () => {
      const whole = tarEntry("package/a.js", Buffer.alloc(2_000));
      expect(failure(() => readTarball(gzipSync(whole.subarray(0, 1_000)))).message).to.match(
        /middle of a file/,
      );
      for (const name of ["package/../../etc/passwd", "package", "package//a", "package/./a"]) {
        const text = failure(() => readTarball(gzipSync(tarEntry(name, bytes("x"))))).message;
        expect(text, name).to.match(/is not within the package/);
      }
    });
  });
});

// Not proven here: what the registry answers, and that AWS runs the binaries; the zip's own are linux-arm64.
