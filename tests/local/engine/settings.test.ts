import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { expect } from "chai";
import { readSettings, SettingsError } from "../../../local/engine/settings.ts";
import { failureOf } from "./support.ts";

describe("local/engine/settings", () => {
  let directory: string;

  const write = (files: Record<string, string>) => {
    for (const [name, text] of Object.entries(files)) writeFileSync(path.join(directory, name), text);
  };

  beforeEach(() => {
    directory = mkdtempSync(path.join(os.tmpdir(), "settings-"));
    write({ "Pulumi.yaml": "name: shop\nruntime: nodejs\n" });
  });

  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  it("hands values over as Pulumi does: text as it is, everything else as JSON", async () => {
    write({
      "Pulumi.dev.yaml":
        'config:\n  aws:region: eu-west-1\n  shop:shards: 2\n  shop:fast: true\n  shop:day: 2024-01-01\n  shop:limits: { rate: 10, paths: ["/a"] }\n',
    });

    const settings = await readSettings(directory, "dev");

    expect(settings).to.deep.equal({
      project: "shop",
      stack: "dev",
      main: ".",
      config: {
        "aws:region": "eu-west-1",
        "shop:shards": "2",
        "shop:fast": "true",
        "shop:day": "2024-01-01",
        "shop:limits": '{"rate":10,"paths":["/a"]}',
      },
      secretKeys: [],
    });
  });

  it("takes defaults and the entry point from Pulumi.yaml", async () => {
    write({
      "Pulumi.yaml":
        "name: shop\nruntime: { name: nodejs, options: { typescript: false } }\nmain: src\nconfig:\n  shards: { type: integer, default: 1 }\n  aws:region: us-west-2\n",
      "Pulumi.dev.yaml": "config:\n  shop:shards: 3\n",
    });

    const settings = await readSettings(directory, "dev");

    expect(settings.main).to.equal("src");
    expect(settings.config).to.deep.equal({ "shop:shards": "3", "aws:region": "us-west-2" });
  });

  it("says which secrets it cannot open, and where to give local ones", async () => {
    write({
      "Pulumi.dev.yaml":
        "encryptionsalt: v1:abc\nconfig:\n  shop:token: { secure: AAAB }\n  shop:nested: { user: a, key: { secure: AAAC } }\n",
    });

    const message = await failureOf(readSettings(directory, "dev"));

    expect(message).to.contain("shop:token, shop:nested at key");
    expect(message).to.contain("Pulumi.dev.local.yaml (git ignores it)");
    expect(message).to.not.contain("AAAB");
  });

  it("takes local values for secrets and keeps them secret", async () => {
    write({
      "Pulumi.dev.yaml": "config:\n  shop:token: { secure: AAAB }\n  shop:shards: 1\n",
      "Pulumi.dev.local.yaml": "config:\n  shop:token: for-this-machine\n  shop:shards: 4\n",
    });

    const settings = await readSettings(directory, "dev");

    expect(settings.config).to.deep.equal({ "shop:token": "for-this-machine", "shop:shards": "4" });
    expect(settings.secretKeys).to.deep.equal(["shop:token"]);
  });

  it("lists the stacks that there are when the one asked for is not", async () => {
    write({ "Pulumi.dev.yaml": "", "Pulumi.prod.yaml": "", "Pulumi.dev.local.yaml": "" });

    expect(await failureOf(readSettings(directory, "test"))).to.equal(
      'No stack "test": Pulumi.test.yaml does not exist. Stacks here: dev, prod.',
    );
  });

  it("refuses a stack name that leads elsewhere", async () => {
    expect(await failureOf(readSettings(directory, "../../etc/x"), SettingsError)).to.contain(
      "is no stack name",
    );
  });

  it("names file, line and column of broken YAML", async () => {
    write({ "Pulumi.dev.yaml": "config:\n  shop:a: 1\n   shop:b: 2\n" });

    expect(await failureOf(readSettings(directory, "dev"))).to.match(/^Pulumi\.dev\.yaml:3:\d+: /);
  });

  it("refuses keys without a namespace, another runtime and a folder without a project", async () => {
    write({ "Pulumi.dev.yaml": "config:\n  shards: 1\n" });
    expect(await failureOf(readSettings(directory, "dev"))).to.contain('"shards" needs a namespace');

    write({ "Pulumi.yaml": "name: shop\nruntime: python\n" });
    expect(await failureOf(readSettings(directory, "dev"))).to.contain('runtime "python"');

    rmSync(path.join(directory, "Pulumi.yaml"));
    expect(await failureOf(readSettings(directory, "dev"))).to.contain("holds no Pulumi.yaml");
  });
});
