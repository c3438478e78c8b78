import * as nodePath from "node:path";
import pathDefault, { posix } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { expect } from "chai";
import data from "./fixtures/data.json" with { type: "json" };
import twice from "./fixtures/default-export.ts";
import * as deployment from "./fixtures/deployment.ts";
import { double, limits, region, tables } from "./fixtures/deployment.ts";
import { fromExport, type Greeting, greet, makeGreeter, settings, shout } from "./fixtures/plain.ts";
import { welcome } from "./fixtures/re-exports.ts";
import { counting } from "./fixtures/top-level-await.ts";
import { loaded, newPackager, prepare, valueOf } from "./harness.ts";

interface Event {
  key: string;
  count?: number;
}

let counter = 0;
const cache = new Map<string, number>();
cache.set("start", 10);
const [first, { second = 2 } = {}] = [1, {} as { second?: number }];
const config = new pulumi.Config();
const fromConfig = config.getNumber("limit") ?? 7;
const topOutput = pulumi.output({ host: "db.internal", ports: [5432] });
const shadowed = "top";
function bump(): number {
  counter += 1;
  return counter + (cache.get("start") ?? 0);
}

function readTop(): string {
  return shadowed;
}

class Tally {
  #total = 0;
  add(value: number): number {
    this.#total += value;
    return this.#total;
  }
}
const tally = new Tally();
class Table extends pulumi.ComponentResource {
  readonly name: pulumi.Output<string>;
  readonly capacity = 5;
  constructor(name: string) {
    super("test:index:Table", name);
    this.name = pulumi.output(`${name}-123`);
    this.registerOutputs();
  }
}

describe("slicing a callback", () => {
  before(() =>
    pulumi.runtime.setMocks({
      call: ({ inputs }) => inputs,
      newResource: ({ inputs }) => ({ id: "", state: inputs }),
    }),
  );

  describe("imports", () => {
    it("keeps named, default and namespace imports, and both in one statement", async () => {
      const handler = await loaded((name: string) => [
        shout(nodePath.basename(name)),
        posix.join("a", name),
        twice(4),
        pathDefault.extname(name),
      ]);
      expect(handler("x/y.txt")).to.deep.equal(["Y.TXT!", "a/x/y.txt", 8, ".txt"]);
    });

    it("follows re-exports", async () => {
      const handler = await loaded(async (event: Greeting) => welcome(event));
      expect(await handler({ name: "ada" })).to.equal("hallo ADA! 1");
    });

    it("packages an imported function that is passed by its name", async () => {
      const handler = await loaded(greet);
      expect(await handler({ name: "ada" })).to.equal("hallo ADA! 1");
      expect(await handler({ name: "bob" })).to.equal("hallo BOB! 2");
    });

    it("packages a closure that an imported function made", async () => {
      const handler = await loaded(makeGreeter("moin"));
      expect(handler("ada")).to.equal("moin ADA!");
    });

    it("takes plain values and functions out of a module that loads Pulumi", async () => {
      const handler = await loaded(() => [limits.batch, double(4), region.get(), tables.readings.name.get()]);
      expect(handler()).to.deep.equal([500, 8, "eu-north-1", "readings-1"]);
    });

    it("takes values through a namespace of such a module", async () => {
      const handler = await loaded(() => [deployment.limits.batch, deployment.region.get()]);
      expect(handler()).to.deep.equal([500, "eu-north-1"]);
    });

    it("leaves out what only types use", async () => {
      const prepared = prepare(
        (event: Greeting & { at: pulumi.Output<string> }) => event.name satisfies string,
      );
      const { modules } = await prepared.bundle;
      expect(modules.map(({ path }) => path).join()).not.to.contain("plain.ts");
    });
  });

  it("keeps imports of JSON with their attributes", async () => {
    const handler = await loaded(() => data.words);
    expect(handler()).to.deep.equal(["one", "two"]);
  });

  describe("module-level declarations", () => {
    it("runs them once per cold start, and keeps their state between calls", async () => {
      const handler = await loaded(() => bump());
      expect([handler(), handler()]).to.deep.equal([11, 12]);
    });

    it("keeps one state for the callback and the helpers it captures", async () => {
      const helper = (): number => bump();
      const handler = await loaded(() => [bump(), helper(), counter]);
      expect(handler()).to.deep.equal([11, 12, 2]);
    });

    it("keeps destructured ones, classes with private members, and exported ones", async () => {
      const handler = await loaded(() => [first, second, tally.add(3), fromExport()]);
      expect(handler()).to.deep.equal([1, 2, 3, "hi"]);
    });

    it("takes the value of one that is computed with Pulumi", async () => {
      const handler = await loaded(() => fromConfig + settings.limit);
      expect(handler()).to.equal(10);
    });

    it("keeps module-level let of another file", async () => {
      const handler = await loaded(counting());
      expect([await handler(), await handler()]).to.deep.equal([1, 2]);
    });

    it("tells a local from a module-level name that it shadows", async () => {
      const make = (shadowed: string) => () => [shadowed, readTop()];
      const handler = await loaded(make("local"));
      expect(handler()).to.deep.equal(["local", "top"]);
    });
  });

  describe("values of the deployment program", () => {
    it("inlines JSON-like locals, exactly", async () => {
      const values = { text: 'a"\u2028`$`', list: [1, -0, Number.NaN, null, undefined, 10n], on: true };
      const odd = JSON.parse('{"__proto__": {"polluted": true}, "constructor": 1}') as object;
      const handler = await loaded(() => [values, Object.keys(odd), ({} as { polluted?: boolean }).polluted]);
      expect(handler()).to.deep.equal([values, ["__proto__", "constructor"], undefined]);
    });

    it("keeps an object that is captured twice one object", async () => {
      const shared = { count: 0 };
      const other = { count: 0 };
      const handler = await loaded(() => {
        const [a, b, c] = [shared, shared, other];
        return [a === b, (a as object) === c];
      });
      expect(handler()).to.deep.equal([true, false]);
    });

    it("takes captured helper functions, recursive ones too", async () => {
      const factor = 3;
      const factorial = (n: number): number => (n <= 1 ? 1 : n * factorial(n - 1));
      function scaled(n: number): number {
        return factorial(n) * factor;
      }
      const handler = await loaded((n: number) => ({ scaled: scaled(n), factorial }).scaled);
      expect(handler(4)).to.equal(72);
    });

    it("gives each closure of the same text its own values", async () => {
      const adder = (amount: number) => (n: number) => n + amount;
      const [one, ten] = [adder(1), adder(10)];
      const handler = await loaded((n: number) => [one(n), ten(n)]);
      expect(handler(5)).to.deep.equal([6, 15]);
    });

    it("reads an Output of a resource, of an object and of itself through .get()", async () => {
      const readings = new Table("readings");
      const all = { tables: { devices: new Table("devices"), "dev-2": new Table("dev-2") }, region: "north" };
      const name = pulumi.output("plain");
      const handler = await loaded(() => [
        readings.name.get(),
        all.tables.devices.name.get(),
        all.tables["dev-2"].capacity,
        all.region,
        name.get(),
      ]);
      expect(handler()).to.deep.equal(["readings-123", "devices-123", 5, "north", "plain"]);
    });

    it("reads properties of an Output's value", async () => {
      const handler = await loaded(() => [
        topOutput.host.get(),
        topOutput.ports[0]?.get(),
        topOutput.get().host,
      ]);
      expect(handler()).to.deep.equal(["db.internal", 5432, "db.internal"]);
    });

    it("sees through parentheses, as, satisfies, ! and optional chaining", async () => {
      const cacheTable = new Table("cache") as Table | undefined;
      const missing = undefined as Table | undefined;
      const handler = await loaded(() => [
        cacheTable?.name.get(),
        missing?.name.get() ?? "none",
        (cacheTable as Table).name!.get(),
        (cacheTable?.name satisfies pulumi.Output<string> | undefined)?.get(),
      ]);
      expect(handler()).to.deep.equal(["cache-123", "none", "cache-123", "cache-123"]);
    });

    it("names environment variables after the path, apart where two paths would share one", () => {
      const a = { bC: pulumi.output(1) };
      const a_b = { c: pulumi.output(2) };
      const prepared = prepare(() => [a.bC.get(), a_b.c.get(), a.bC.get()]);
      expect(Object.keys(prepared.captures)).to.deep.equal(["CAPTURE_A_B_C", "CAPTURE_A_B_C_2"]);
      expect(prepared.capturedNames).to.deep.equal(["a.bC", "a_b.c"]);
      expect(prepared.captured).to.deep.equal([a.bC, a_b.c]);
    });

    it("carries values as JSON text, and secrets as secrets", async () => {
      const secret = pulumi.secret({ key: "s3cret" });
      const { captures } = prepare(() => secret.get().key);
      const capture = captures.CAPTURE_SECRET as pulumi.Output<string>;
      expect(await valueOf(capture)).to.equal('{"key":"s3cret"}');
      expect(await pulumi.isSecret(capture)).to.equal(true);
    });

    it("turns a value that was undefined at deployment back into undefined", async () => {
      const nothing = pulumi.output<string | undefined>(undefined);
      const handler = await loaded(() => nothing.get() === undefined);
      expect(handler()).to.equal(true);
    });
  });

  describe("forms of callbacks", () => {
    it("takes methods in shorthand, quoted and generic ones", async () => {
      const args = {
        async callback<Value>(value: Value): Promise<Value[]> {
          return [value];
        },
        "on created": (value: number) => value + 1,
      };
      expect(await (await loaded(args.callback))(1)).to.deep.equal([1]);
      expect((await loaded(args["on created"]))(1)).to.equal(2);
    });

    it("takes function expressions, local functions and default parameters", async () => {
      const fallback = "x";
      const named = async function self({ key = fallback, count = 1 }: Partial<Event> = {}): Promise<string> {
        return count > 1 ? self({ key, count: count - 1 }) : `${key}${count}`;
      };
      async function local({ key: renamed, ...rest }: Event): Promise<unknown> {
        return { renamed, rest };
      }
      expect(await (await loaded(named))({ count: 3 })).to.equal("x1");
      expect(await (await loaded(local))({ key: "k", count: 2 })).to.deep.equal({
        renamed: "k",
        rest: { count: 2 },
      });
    });

    it("keeps shorthand properties, labels, nested functions with this, and inner shadows", async () => {
      const limit = 2;
      const handler = await loaded((items: number[]) => {
        const found: number[] = [];
        for (const item of items) {
          if (item > limit) break;
          found.push(item);
        }
        const holder = {
          limit,
          own() {
            return this.limit;
          },
        };
        const inner = ((limit: number) => limit)(9);
        return { limit, found, own: holder.own(), inner };
      });
      expect(handler([1, 2, 3, 1])).to.deep.equal({ limit: 2, found: [1, 2], own: 2, inner: 9 });
    });
  });

  it("parses a file once for all its callbacks", async () => {
    const { packager } = newPackager();
    const make = (index: number) => () => index + fromConfig;
    const bundles = Array.from({ length: 50 }, (_, index) =>
      packager.prepare(make(index), { name: `f${index}` }),
    );
    expect(
      new Set((await Promise.all(bundles.map(({ bundle }) => bundle))).map(({ hash }) => hash)).size,
    ).to.equal(50);
  });
});
