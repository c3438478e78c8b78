import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { PutItemCommand as Put } from "@aws-sdk/client-dynamodb";
import * as pulumi from "@pulumi/pulumi";
import { expect } from "chai";
import { unzipSync } from "fflate";
import sharp from "sharp";
import { list } from "./fixtures/aggregated.ts";
import { deep } from "./fixtures/imports-pulumi-deeply.ts";
import { GetItemCommand, shout } from "./fixtures/re-exports.ts";
import { load as loadItem, pages, save } from "./fixtures/shared-table.ts";
import { put } from "./fixtures/stream.ts";
import { serve as serveFixture } from "./fixtures/wrap.ts";
import { failure, load, newPackager, prepare, rejection, valueOf } from "./harness.ts";

const readings = { name: pulumi.output("readings-1") };

describe("packaging callbacks", () => {
  it("gives one zip per callback, under .cache/functions, that Lambda can load", async () => {
    const { packager, root } = newPackager();
    const prepared = packager.prepare(async (key: string) => [readings.name.get(), key], { name: "read" });
    const bundle = await prepared.bundle;
    expect(bundle.zipPath).to.equal(`.cache/functions/${bundle.hash}.zip`);
    expect(bundle.size).to.equal(statSync(join(root, bundle.zipPath)).size);
    expect(bundle.size).to.be.below(1_000);
    const handler = await load(root, prepared);
    expect(await handler("x")).to.deep.equal(["readings-1", "x"]);
  });

  it("says which capture is missing when Lambda's environment lacks it", async () => {
    const { packager, root } = newPackager();
    const absent = { name: pulumi.output("readings-1") };
    const prepared = packager.prepare(async () => absent.name.get(), { name: "read" });
    const handler = await load(root, { ...prepared, captures: {} });
    expect((await rejection(handler())).message).to.contain("CAPTURE_ABSENT_NAME is missing");
  });

  it("does not let the value of a capture change the code", async () => {
    const make = (output: pulumi.Output<string>) => () => output.get();
    const [one, two] = [prepare(make(pulumi.output("one"))), prepare(make(pulumi.output("two")))];
    expect((await one.bundle).hash).to.equal((await two.bundle).hash);
    expect(await valueOf(one.captures.CAPTURE_OUTPUT ?? "")).to.equal('"one"');
  });

  it("packages a function the same alone and among others that import the same in another order", async () => {
    const [alone, among] = [newPackager().packager, newPackager().packager];
    const subject = (): unknown => [save("t", {}), put()];
    const other = (): unknown => [put(), shout("x"), save("t", {})];
    const expected = await alone.prepare(subject, { name: "subject" }).bundle;
    const [, actual] = await Promise.all([
      among.prepare(other, { name: "another" }).bundle,
      among.prepare(subject, { name: "renamed" }).bundle,
    ]);
    expect(actual?.codeSha256).to.equal(expected.codeSha256);
  });

  it("gives functions of one name in one program packages of their own", async () => {
    const { packager } = newPackager();
    const [one, two] = [() => 1, () => 2].map((each) => packager.prepare(each, { name: "same" }).bundle);
    expect((await one)?.hash).not.to.equal((await two)?.hash);
  });

  it("leaves no path of this machine in the code", async () => {
    const { packager, root } = newPackager();
    const { zipPath } = await packager.prepare(async () => [save("t", {}), put(), Put.name], {
      name: "paths",
    }).bundle;
    const code = Buffer.from(unzipSync(readFileSync(join(root, zipPath)))["index.js"] ?? []).toString();
    expect(code).not.to.contain(process.cwd());
    expect(code).not.to.contain("node_modules");
    expect(code).not.to.contain("sourceMappingURL");
  });

  describe("what it says it did", () => {
    it("reports modules with bytes, captures and commands beside the zip, and keeps the source map", async () => {
      const { packager, root } = newPackager();
      const { hash, size } = await packager.prepare(async () => save(readings.name.get(), {}), {
        name: "report",
      }).bundle;
      const report = JSON.parse(readFileSync(join(root, `.cache/functions/${hash}.json`), "utf8"));
      expect(report).to.include({ hash, size });
      expect(report.captures).to.deep.equal(["readings.name"]);
      expect(report.commands).to.deep.equal([
        {
          client: "@aws-sdk/client-dynamodb",
          command: "PutItemCommand",
          importer: "tests/components/packaging/fixtures/shared-table.ts",
        },
      ]);
      expect(report.modules[0].bytes).to.be.greaterThan(5_000);
      const map = JSON.parse(readFileSync(join(root, `.cache/functions/${hash}.js.map`), "utf8"));
      expect(map.sources.join()).to.contain("package.test.ts");
    });

    it("counts the commands that stayed, by the service's own name, once", async () => {
      const { packager } = newPackager();
      const callbacks = {
        save: () => save("t", {}),
        both: () => [save("t", {}), Put.name],
        read: () => [loadItem("t", {}), pages("t")],
        exported: () => GetItemCommand.name,
        namespace: () => put(),
        aggregated: () => list(),
        none: () => shout("x"),
      };
      const found = await Promise.all(
        Object.entries(callbacks).map(async ([name, callback]) => {
          const { commands } = await packager.prepare(callback, { name }).bundle;
          return [
            name,
            commands.map(({ client, command }) => `${client.replace("@aws-sdk/client-", "")} ${command}`),
          ];
        }),
      );
      expect(Object.fromEntries(found)).to.deep.equal({
        save: ["dynamodb PutItemCommand"],
        both: ["dynamodb PutItemCommand"],
        read: ["dynamodb GetItemCommand", "dynamodb QueryCommand"],
        exported: ["dynamodb GetItemCommand"],
        namespace: ["kinesis PutRecordCommand"],
        aggregated: ["s3 S3"],
        none: [],
      });
    });
  });

  describe("what it refuses", () => {
    it("names the function and the importing file of @pulumi/*, and builds the others", async () => {
      const { packager } = newPackager();
      const good = packager.prepare(() => 1, { name: "good" });
      const bad = packager.prepare(() => import("./fixtures/imports-pulumi-deeply.ts"), { name: "bad" });
      const error = await rejection(bad.bundle);
      expect(error.message).to.match(/^Function "bad": .*fixtures\/deployment\.ts:\d+:\d+: /);
      expect(error.message).to.contain("imports '@pulumi/pulumi', which exists only at deployment");
      expect((await good.bundle).size).to.be.greaterThan(0);
    });

    it("refuses a helper whose module loads Pulumi, where it does", () => {
      expect(failure(() => prepare(() => deep())).message).to.contain("fixtures/deployment.ts");
    });

    it("names the file and line of an import that does not exist", async () => {
      // @ts-expect-error: the module is missing on purpose.
      const error = await rejection(prepare(() => import("./missing.ts"), { name: "lost" }).bundle);
      expect(error.message).to.match(
        /^Function "lost": tests\/components\/packaging\/package\.test\.ts:\d+:\d+: .*missing\.ts/,
      );
    });

    it("refuses import.meta and a top-level await in imported modules", async () => {
      const error = await rejection(prepare(() => import("./fixtures/top-level-await.ts")).bundle);
      expect(error.message).to.contain("fixtures/top-level-await.ts:1");
    });

    it("refuses packages with prebuilt binaries that are not declared, with what to declare", async () => {
      const { message } = await rejection(prepare(() => sharp(Buffer.alloc(0))).bundle);
      expect(message).to.match(/^Function "subject": .*binar.*natives: \["sharp"\], maxSize: 12_000_000/s);
    });

    it("fails above the size budget with the size and the biggest modules", async () => {
      const { message } = await rejection(prepare(() => put(), { name: "big", maxSize: 20_000 }).bundle);
      expect(message).to.match(/^Function "big": its zip has \d+ B, more than maxSize, 20000 B/);
      expect(message).to.match(/The biggest modules: node_modules\/[^ ]+ \(\d+ B\), /);
    });
  });

  describe("a wrap", () => {
    const module = join(import.meta.dirname, "fixtures", "wrap.ts");
    const query = {
      type: "object",
      additionalProperties: false,
      required: ["from"],
      properties: {
        from: { type: "string", format: "date-time" },
        limit: { type: "integer", minimum: 1, default: 50 },
        metric: { type: "array", items: { type: "string" } },
      },
    };
    const body = { type: "object", required: ["value"], properties: { value: { type: "number" } } };

    async function wrapped(): Promise<(event: object) => unknown> {
      const { packager, root } = newPackager();
      const wrap = {
        module,
        export: serveFixture.name,
        options: { __proto__x: 1, status: 202 },
        validators: { query, body },
      };
      return load(
        root,
        packager.prepare((event: object) => ({ event }), { name: "route", wrap }),
      );
    }

    it("runs around the callback, with its options", async () => {
      const serve = await wrapped();
      const event = { query: { from: "2026-01-01T00:00:00Z" }, body: { value: 1 } };
      expect(serve(event)).to.deep.include({ status: 202 });
    });

    it("gives validators that coerce text, fill in defaults and check formats", async () => {
      const serve = await wrapped();
      const event = {
        query: { from: "2026-01-01T00:00:00Z", limit: "7", metric: "wind" },
        body: { value: 1 },
      };
      const answer = serve(event) as { result: { event: { query: unknown } } };
      expect(answer.result.event.query).to.deep.equal({
        from: "2026-01-01T00:00:00Z",
        limit: 7,
        metric: ["wind"],
      });
    });

    it("lists every problem, and coerces nothing in a body", async () => {
      const serve = await wrapped();
      const odd = JSON.parse('{"from": "2026-02-30T00:00:00Z", "limit": 0, "__proto__": {"polluted": 1}}');
      const { problems } = serve({ query: odd, body: { value: "1" } }) as {
        problems: Record<string, string[]>;
      };
      expect(problems.query).to.have.members(["/from format", "/limit minimum", " additionalProperties"]);
      expect(problems.body).to.deep.equal(["/value type"]);
      expect(({} as { polluted?: number }).polluted).to.equal(undefined);
    });

    it("refuses a schema with an unknown format now, naming the function", () => {
      const validators = { body: { type: "string", format: "iban" } };
      const wrap = { module, export: serveFixture.name, options: {}, validators };
      const { message } = failure(() => prepare(() => 1, { name: "route", wrap }));
      expect(message).to.match(/^Function "route": the schema 'body' .*iban/);
    });
  });
});
