import { expect } from "chai";
import { backOff, type Connection } from "../../../functions/shared/cache-link.ts";
import { BUDGET_MS, type Cacheable, ConnectedCache } from "../../../functions/shared/read-cache.ts";

const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
};

/** A clock that moves only when told to, and what a cache asks of its surroundings. */
function createSurroundings() {
  const timers = new Set<{ due: number; callback: () => void }>();
  const around = {
    time: 1_000_000,
    chance: 0,
    warnings: [] as string[],
    now: () => around.time,
    after: (ms: number, callback: () => void) => {
      const timer = { due: around.time + ms, callback };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    random: () => around.chance,
    warn: (message: string, fields: Record<string, unknown>) =>
      void around.warnings.push(`${message}: ${fields.reason}`),
    advance: async (ms: number): Promise<void> => {
      await settle();
      around.time += ms;
      for (const timer of [...timers]) {
        if (timer.due > around.time) continue;
        timers.delete(timer);
        timer.callback();
      }
      await settle();
    },
  };
  return around;
}

interface Server {
  values: Map<string, string>;
  connects: number;
  /** What a connection attempt and a command do. */
  connect: () => Promise<void>;
  command: () => Promise<void>;
  end: () => void;
}

const never = (): Promise<void> => new Promise(() => {});
const fine = async (): Promise<void> => {};
const reply = (message: string): Error => Object.assign(new Error(message), { name: "ReplyError" });

function createBed() {
  const around = createSurroundings();
  const server: Server = { values: new Map(), connects: 0, connect: fine, command: fine, end: () => {} };
  const connect = async (): Promise<Connection> => {
    server.connects += 1;
    await server.connect();
    return {
      get: async (key) => {
        await server.command();
        return server.values.get(key) ?? null;
      },
      set: async (key, value) => {
        await server.command();
        server.values.set(key, value);
      },
      close: () => {},
      onEnd: (listener) => {
        server.end = listener;
      },
    };
  };
  let loads = 0;
  const cache = new ConnectedCache(connect, around);
  const entry: Cacheable<string> = {
    key: ["a"],
    ttlMs: 1_000,
    check: (value): value is string => typeof value === "string",
  };
  const read = (more: Partial<Cacheable<string>> = {}): Promise<string> =>
    cache.read({ ...entry, ...more }, async () => {
      loads += 1;
      return `load ${loads}`;
    });
  return { around, server, cache, entry, read, loads: () => loads };
}

/** How long a read takes by the virtual clock, and what it gives. */
async function timed(bed: ReturnType<typeof createBed>): Promise<[string, number]> {
  const started = bed.around.time;
  let answer: [string, number] | undefined;
  void bed.read().then((value) => {
    answer = [value, bed.around.time - started];
  });
  await settle();
  while (answer === undefined) await bed.around.advance(1);
  return answer;
}

describe("read cache", () => {
  it("loads once and answers from the cache until the value ends", async () => {
    const bed = createBed();
    expect(await bed.read()).to.equal("load 1");
    expect(await bed.read()).to.equal("load 1");
    bed.around.time += 1_000;
    expect(await bed.read()).to.equal("load 2");
    expect(bed.server.connects).to.equal(1);
  });

  it("answers within the deadline, connecting and storing together, when nothing ever answers", async () => {
    const bed = createBed();
    bed.server.connect = never;
    expect(await timed(bed)).to.deep.equal(["load 1", BUDGET_MS]);
  });

  it("waits for a connection once, and then goes on without until it is there", async () => {
    const bed = createBed();
    const { promise, resolve } = Promise.withResolvers<void>();
    bed.server.connect = () => promise;
    await timed(bed);
    expect(await timed(bed)).to.deep.equal(["load 2", 0]);
    resolve();
    await settle();
    expect(await timed(bed)).to.deep.equal(["load 3", 0]);
    expect(await timed(bed)).to.deep.equal(["load 3", 0]);
    expect(bed.server.connects).to.equal(1);
  });

  it("spends what is left of the deadline on storing, and no more", async () => {
    const bed = createBed();
    await bed.read();
    bed.server.values.clear();
    let commands = 0;
    bed.server.command = () => {
      commands += 1;
      return commands === 1 ? new Promise((done) => bed.around.after(30, done)) : never();
    };
    expect(await timed(bed)).to.deep.equal(["load 2", BUDGET_MS]);
    expect(commands).to.equal(2);
  });

  it("answers at once when the cache refuses connections, and tries again later and ever later", async () => {
    const bed = createBed();
    bed.server.connect = () => Promise.reject(new Error("connect ECONNREFUSED"));
    expect(await timed(bed)).to.deep.equal(["load 1", 0]);
    for (let count = 2; count < 100; count += 1) expect((await timed(bed))[1]).to.equal(0);
    expect(bed.server.connects).to.equal(1);
    bed.around.time += 250;
    await bed.read();
    expect(bed.server.connects).to.equal(2);
    bed.around.time += 250;
    await bed.read();
    expect(bed.server.connects).to.equal(2);
    bed.around.time += 250;
    await bed.read();
    expect(bed.server.connects).to.equal(3);
  });

  it("gives up a connection that hangs, and uses the cache again when it has recovered", async () => {
    const bed = createBed();
    await bed.read();
    bed.server.command = never;
    for (let count = 0; count < 3; count += 1) expect((await timed(bed))[1]).to.equal(BUDGET_MS);
    expect((await timed(bed))[1]).to.equal(0);
    bed.server.command = fine;
    bed.around.time += 30_000;
    const value = await bed.read();
    expect(await bed.read()).to.equal(value);
    expect(bed.server.connects).to.equal(2);
  });

  it("is right when the connection breaks in the middle of an answer", async () => {
    const bed = createBed();
    await bed.read();
    bed.server.command = async () => {
      bed.server.end();
      throw new Error("Connection is closed.");
    };
    expect(await timed(bed)).to.deep.equal(["load 2", 0]);
    expect(bed.around.warnings).to.deep.equal([
      "The cache is down; reads go on without it: the connection has ended",
    ]);
  });

  it("keeps a full cache's connection, and says so once", async () => {
    const bed = createBed();
    bed.server.command = () => Promise.reject(reply("OOM command not allowed"));
    await bed.read();
    expect(await bed.read()).to.equal("load 2");
    expect(bed.server.connects).to.equal(1);
    expect(bed.around.warnings).to.deep.equal(["The cache refuses a command: OOM command not allowed"]);
  });

  const wrong: Record<string, (stored: Record<string, unknown>) => unknown> = {
    "is not JSON": () => "{",
    "is of another version": (stored) => JSON.stringify({ ...stored, v: 0 }),
    "belongs to another key": (stored) => JSON.stringify({ ...stored, k: "reads:1:b" }),
    "has the wrong shape": (stored) => JSON.stringify({ ...stored, d: { text: 1 } }),
    "has ended": (stored) => JSON.stringify({ ...stored, e: 1 }),
    "is a list": () => "[]",
    "is too long": (stored) => JSON.stringify({ ...stored, d: "x".repeat(262_144) }),
  };
  for (const [what, spoil] of Object.entries(wrong)) {
    it(`ignores a value that ${what}, and stores the right one`, async () => {
      const bed = createBed();
      await bed.read();
      const [[key, text] = ["", "{}"]] = [...bed.server.values];
      bed.server.values.set(key, String(spoil(JSON.parse(text))));
      expect(await bed.read()).to.equal("load 2");
      expect(await bed.read()).to.equal("load 2");
    });
  }

  it("stores neither what is too long nor what is not worth it", async () => {
    const bed = createBed();
    await bed.read({ keep: () => false });
    await bed.cache.read(bed.entry, async () => "x".repeat(262_144));
    expect([...bed.server.values]).to.deep.equal([]);
  });

  it("loads once for all who ask at the same time", async () => {
    const bed = createBed();
    expect(await Promise.all([bed.read(), bed.read(), bed.read()])).to.deep.equal(Array(3).fill("load 1"));
  });

  it("lets a reader load early by chance, the likelier the dearer it was, and keeps the old value if that fails", async () => {
    const bed = createBed();
    const slowly = async (): Promise<string> => {
      bed.around.time += 100;
      return "dear";
    };
    await bed.cache.read(bed.entry, slowly);
    bed.around.time += 800;
    bed.around.chance = 0.5;
    expect(await bed.read()).to.equal("dear");
    bed.around.chance = 0.9;
    const failing = bed.cache.read(bed.entry, () => Promise.reject(new Error("the table is down")));
    expect(await failing).to.equal("dear");
    expect(await bed.read()).to.equal("load 1");
  });

  it("fails as the source fails when nothing is cached", async () => {
    const bed = createBed();
    const reading = bed.cache.read(bed.entry, () => Promise.reject(new Error("the table is down")));
    expect(await reading.catch(({ message }: Error) => message)).to.equal("the table is down");
  });

  it("spreads those who come back: half of each wait is chance, and it ends at 30 s", () => {
    expect([backOff(0, 0), backOff(0, 1), backOff(3, 0), backOff(50, 1)]).to.deep.equal([
      250, 500, 2_000, 30_000,
    ]);
  });
});

// Not proven here: the client itself (cache.test.ts), and that AWS's own cache behaves like this server.
