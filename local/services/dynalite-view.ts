/**
 * What one operation sees of dynalite's store: the same data, but its reads are remembered, its writes reported or
 * held back, and a defect in dynalite's callbacks fails the operation instead of the process.
 */

import type { Callback, Item, ItemDb, Release, Store, Table } from "./dynalite.ts";

/** One item written: `before` undefined when it is new, `after` undefined when it is deleted. */
export interface Change {
  readonly table: Table;
  readonly before: Item | undefined;
  readonly after: Item | undefined;
}

interface ViewOptions {
  readonly store: Store;
  /**
   * `through`: reads, locks and writes as usual. `buffer`: takes no lock (the transaction holds them) and keeps the
   * writes for `commit`.
   */
  readonly mode: "through" | "buffer";
  /** Called after each item write, while its lock is held. */
  readonly onChange: (change: Change) => void;
}

export class StoreView {
  /** Pass this to `Dynalite.run`. */
  readonly store: Store;
  /** Rejects when dynalite throws in a callback. */
  readonly crashed: Promise<never>;
  readonly #options: ViewOptions;
  readonly #reads = new Map<string, Item | undefined>();
  readonly #tables = new Map<string, Table>();
  readonly #held = new Set<() => void>();
  readonly #writes: (() => Promise<void>)[] = [];
  readonly #changes: Change[] = [];
  #crash: (error: unknown) => void = () => {};

  constructor(options: ViewOptions) {
    this.#options = options;
    this.crashed = new Promise((_, reject) => {
      this.#crash = reject;
    });
    this.crashed.catch(() => {});
    const { store } = options;
    this.store = Object.assign(Object.create(store) as Store, {
      getTable: this.#getTable,
      getItemDb: (name: string) => this.#itemDb(name),
      getIndexDb: (type: string, table: string, index: string) =>
        this.#indexDb(store.getIndexDb(type, table, index)),
    });
  }

  /** The one item that a single-item operation read under its lock. */
  get onlyRead(): Item | undefined {
    return this.#reads.values().next().value;
  }

  get changes(): readonly Change[] {
    return this.#changes;
  }

  /** Carries out what `buffer` mode held back. */
  async commit(): Promise<void> {
    await Promise.all(this.#writes.map((write) => write()));
    for (const change of this.#changes) this.#options.onChange(change);
  }

  /** Runs a dynalite callback; a throw inside it releases the operation's locks and fails the operation. */
  #guard<A extends unknown[]>(callback: (...values: A) => void): (...values: A) => void {
    return (...values) => {
      try {
        callback(...values);
      } catch (error) {
        for (const release of this.#held) release();
        this.#held.clear();
        this.#crash(error);
      }
    };
  }

  readonly #getTable = (name: string, ...rest: [Callback<Table>] | [boolean, Callback<Table>]): void => {
    const callback = this.#guard(rest[1] ?? (rest[0] as Callback<Table>));
    const checkStatus = rest.length === 2 ? rest[0] : true;
    this.#options.store.getTable(name, checkStatus, (error, table) => {
      if (table) this.#tables.set(name, table);
      callback(error, table);
    });
  };

  #itemDb(name: string): ItemDb {
    const real = this.#options.store.getItemDb(name);
    return Object.assign(Object.create(real) as ItemDb, {
      get: (key: string, callback: Callback<Item>) => {
        const guarded = this.#guard(callback);
        real.get(key, (error, value) => {
          // Without a prototype, an attribute called "constructor" is absent unless the item has it.
          const item = value ? Object.assign(Object.create(null) as Item, value) : undefined;
          this.#reads.set(`${name}~${key}`, item);
          guarded(error, item);
        });
      },
      lock: (key: string, run: (release: Release) => void) => this.#lock(real, key, run),
      put: (key: string, value: Item, callback: Callback) =>
        this.#write(name, key, value, (done) => real.put(key, value, done), callback),
      del: (key: string, callback: Callback) =>
        this.#write(name, key, undefined, (done) => real.del(key, done), callback),
    });
  }

  #lock(real: ItemDb, key: string, run: (release: Release) => void): void {
    if (this.#options.mode === "buffer") {
      run((callback) => callback as (...values: unknown[]) => void);
      return;
    }
    const locked = this.#guard(run);
    real.lock(key, (release) => {
      const letGo = release(() => {});
      this.#held.add(letGo);
      locked((callback) => (...values) => {
        if (this.#held.delete(letGo)) letGo();
        (callback as (...values: unknown[]) => void)(...values);
      });
    });
  }

  #write(
    name: string,
    key: string,
    after: Item | undefined,
    write: (done: Callback) => void,
    callback: Callback,
  ): void {
    const table = this.#tables.get(name);
    const before = this.#reads.get(`${name}~${key}`);
    const change = table && (before || after) ? { table, before, after } : undefined;
    if (this.#options.mode === "buffer") {
      this.#writes.push(() => promised(write));
      if (change) this.#changes.push(change);
      callback(null);
      return;
    }
    const guarded = this.#guard(callback);
    write((error) => {
      if (!error && change) this.#options.onChange(change);
      guarded(error);
    });
  }

  #indexDb(real: ItemDb): ItemDb {
    if (this.#options.mode !== "buffer") return real;
    const hold = (write: (done: Callback) => void, callback: Callback) => {
      this.#writes.push(() => promised(write));
      callback(null);
    };
    return Object.assign(Object.create(real) as ItemDb, {
      put: (key: string, value: Item, callback: Callback) =>
        hold((done) => real.put(key, value, done), callback),
      del: (key: string, callback: Callback) => hold((done) => real.del(key, done), callback),
    });
  }
}

const promised = (write: (done: Callback) => void): Promise<void> =>
  new Promise((resolve, reject) => write((error) => (error ? reject(error) : resolve())));
