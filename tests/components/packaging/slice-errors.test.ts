import * as pulumi from "@pulumi/pulumi";
import { expect } from "chai";
import { CaptureError } from "../../../components/internal/errors.ts";
import type { Callback } from "../../../components/packaging/locate.ts";
import { isPulumiLoaded } from "./fixtures/deployment.ts";
import { awaiting, ofItself } from "./fixtures/top-level-await.ts";
import { failure, prepare } from "./harness.ts";

class Table extends pulumi.ComponentResource {
  readonly name: pulumi.Output<string>;
  constructor(name: string) {
    super("test:index:Table", name);
    this.name = pulumi.output(name);
  }
}

class Settings {
  readonly limit = 3;
  double(): number {
    return this.limit * 2;
  }
}

const config = new pulumi.Config();
const readings = { name: pulumi.output("readings-1") };
const routes = new Map<string, string>();
routes.set("table", pulumi.interpolate`${readings.name}` as unknown as string);

function withHelper(): number {
  return config.requireNumber("limit");
}

function forgetful(): unknown {
  // @ts-expect-error: undeclared on purpose.
  return forgotten;
}

/** The line of this file that an error must show, found in its message. */
function refused(callback: Callback): Error {
  const error = failure(() => prepare(callback, { name: "aggregate" }));
  expect(error).to.be.instanceOf(CaptureError);
  expect(error.message).to.match(
    /^tests\/components\/packaging\/[\w./-]+\.ts:\d+:\d+: Function "aggregate": /,
  );
  return error;
}

describe("a callback that cannot travel", () => {
  before(() =>
    pulumi.runtime.setMocks({
      call: ({ inputs }) => inputs,
      newResource: ({ inputs }) => ({ id: "", state: inputs }),
    }),
  );

  it("is refused with file:line:col, the source line, what is wrong and what to do", () => {
    const table = new Table("readings");
    const { message } = refused(() => `table ${table.name}`);
    const [place, line, cure] = message.split("\n");
    expect(place).to.match(
      /slice-errors\.test\.ts:58:\d+: .*the Output 'table\.name' is used without \.get\(\)/,
    );
    expect(line?.trim()).to.match(/^const \{ message \} = refused\(\(\) => `table \$\{table\.name\}`\);$/);
    expect(cure?.trim()).to.equal("Write table.name.get() inside the callback.");
  });

  for (const [use, callback] of [
    ["in a template", () => `${readings.name}`],
    ["passed on", () => String(readings.name)],
    ["concatenated", () => "table/".concat(readings.name as unknown as string)],
    ["in an object", () => ({ TableName: readings.name })],
    ["compared", () => (readings.name as unknown) === "x"],
    ["with get not called", () => readings.name.get],
    ["through apply", () => readings.name.apply((name) => name)],
    ["through a method of its value", () => (readings.name as unknown as string).toUpperCase()],
  ] as [string, Callback][]) {
    it(`is told that an Output ${use} needs .get()`, () => {
      expect(refused(callback).message).to.contain("Write readings.name.get() inside the callback.");
    });
  }

  it("may not use an Output as shorthand, spread or destructured", () => {
    const name = pulumi.output("x");
    const list = pulumi.output(["x"]);
    expect(refused(() => ({ name })).message).to.contain("Write name.get()");
    expect(refused(() => [...(list as unknown as string[])]).message).to.contain("Write list.get()");
    expect(
      refused(() => {
        const { length } = list as unknown as string[];
        return length;
      }).message,
    ).to.contain("Write list.get()");
  });

  it("may not use a resource, or an object that holds one, as a whole", () => {
    const table = new Table("readings");
    const tables = { readings: table };
    const message = refused((read: (table: unknown) => string) => read(table)).message;
    expect(message).to.contain("uses 'table' as a whole, but it is a Table resource");
    expect(message).to.contain("table.name.get()");
    const key = "readings" as const;
    expect(refused(() => tables[key].name.get()).message).to.contain("tables.readings.name.get()");
    expect(refused(() => (table ? 1 : 2)).message).to.contain("as a whole");
  });

  it("may not use @pulumi/* at run time, itself or in what it reaches", () => {
    expect(refused(() => pulumi.output(1)).message).to.contain("uses 'pulumi' from '@pulumi/pulumi'");
    expect(refused(() => withHelper()).message).to.contain(
      "calls 'config.requireNumber' of an instance of Config made at deployment",
    );
    const { message } = refused(() => isPulumiLoaded());
    expect(message).to.match(/fixtures\/deployment\.ts:\d+:\d+: .*uses 'pulumi' from '@pulumi\/pulumi'/);
  });

  it("may not use this, super or arguments of its surroundings", () => {
    class Stack {
      readonly limit = 2;
      arrow(): Callback {
        return () => this.limit;
      }
      member(): Callback {
        return this.double;
      }
      double(): number {
        return 2;
      }
    }
    const stack = new Stack();
    expect(refused(stack.arrow()).message).to.contain("uses 'this'");
    expect(refused(stack.member()).message).to.contain("a member of a class");
    const withArguments = function (): Callback {
      // biome-ignore lint/complexity/noArguments: what is refused.
      return () => arguments.length;
    };
    expect(refused(withArguments()).message).to.contain("uses 'arguments'");
  });

  it("may not change a variable of the deployment program", () => {
    let total = 0;
    const counts = { seen: 0 };
    const messages = [
      refused(() => {
        total += 1;
      }),
      refused(() => {
        [total] = [2];
      }),
      refused(() => total++),
      refused(() => {
        counts.seen = 1;
      }),
      refused(() => delete (counts as { seen?: number }).seen),
    ].map(({ message }) => message);
    for (const message of messages) expect(message).to.match(/the callback changes '(total|counts)'/);
  });

  it("may not take a Map, a class instance, a promise or their methods from the deployment", () => {
    const map = new Map([["a", 1]]);
    const settings = new Settings();
    const promise = Promise.resolve(1);
    expect(refused(() => map).message).to.contain("'map', an instance of Map made at deployment");
    expect(refused(() => map.get("a")).message).to.contain("calls 'map.get' of an instance of Map");
    expect(refused(() => settings.double()).message).to.contain("an instance of Settings");
    expect(refused(() => promise).message).to.contain("an instance of Promise");
    const cycle: Record<string, unknown> = {};
    cycle.self = [cycle, cycle, cycle];
    expect(refused(() => cycle).message).to.contain("a value that is not plain JSON made at deployment");
  });

  it("may not depend on a statement that fills a module-level value from the deployment", () => {
    expect(refused(() => routes.get("table")).message).to.contain("'pulumi' from '@pulumi/pulumi'");
  });

  it("may not use a name that nothing declares, be it in what it reaches", () => {
    // @ts-expect-error: the import is missing on purpose.
    const { message } = refused(async () => PutItemCommand.name);
    expect(message).to.match(
      /'PutItemCommand' is not declared anywhere.*\n.*PutItemCommand\.name.*\n.*Import or declare it/,
    );
    expect(refused(() => forgetful()).message).to.contain("'forgotten' is not declared anywhere");
    // @ts-expect-error: the same, as a shorthand property.
    expect(refused(() => ({ missing })).message).to.contain("'missing' is not declared");
    // A test runner's global is none of Lambda's.
    expect(refused(() => describe).message).to.contain("'describe' is not declared");
  });

  it("may use what Node.js and Lambda have, and what it probes for", async () => {
    const callbacks: Callback[] = [
      () => [undefined, Number.NaN, { describe: 1 }.describe, new URL("https://a.b").host, process.pid],
      // Lambda's own.
      () => awslambda.streamifyResponse,
      // @ts-expect-error: known to nobody.
      () => (typeof neverDeclared === "undefined" ? 1 : neverDeclared),
      function (): number {
        // biome-ignore lint/complexity/noArguments: what is allowed.
        return arguments.length;
      },
    ];
    for (const callback of callbacks) expect((await prepare(callback).bundle).size).to.be.greaterThan(0);
  });

  it("may not be a native, bound or class function", () => {
    const bound = ((value: number) => value).bind(null);
    class Local {}
    expect(failure(() => prepare(Math.max as Callback)).message).to.contain("native or bound function");
    expect(failure(() => prepare(bound as Callback)).message).to.contain("native or bound function");
    expect(failure(() => prepare(Local as unknown as Callback)).message).to.contain("it is a class");
  });

  it("may not reach a top-level await or import.meta", () => {
    expect(refused(awaiting()).message).to.contain("'await' at the top of a module cannot be bundled");
    expect(refused(ofItself()).message).to.contain("'import.meta' does not exist in Lambda");
    expect(refused(() => import.meta.url).message).to.contain("'import.meta'");
  });

  it("may not use a deployment value that is declared after it", () => {
    expect(refused(() => late.name).message).to.contain("Move the declaration of 'late' above it");
    const late = { name: "x" };
    return late;
  });
});
