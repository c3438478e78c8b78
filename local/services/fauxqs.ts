/**
 * fauxqs 2.4.1 embedded: S3, SQS, SNS and STS in one Fastify application that never listens by itself (its own
 * starter would on 0.0.0.0). The only file that knows its internals: the package exports only its entry, so its
 * stores are imported by file URL, and their types are taken from what the entry accepts.
 */

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { buildApp } from "fauxqs";

type Stores = Required<NonNullable<NonNullable<Parameters<typeof buildApp>[0]>["stores"]>>;
type S3Store = Stores["s3Store"];
type SqsStore = Stores["sqsStore"];
type SnsStore = Stores["snsStore"];
export type FauxqsApp = ReturnType<typeof buildApp>;
type S3Persistence = NonNullable<S3Store["persistence"]>;

/** What fauxqs tells its spy. */
export interface ObjectEvent {
  readonly service: "s3";
  readonly bucket: string;
  readonly key: string;
  readonly status: "uploaded" | "downloaded" | "deleted" | "copied" | "renamed";
  readonly timestamp: number;
}

export interface FauxqsOptions {
  readonly region: string;
  /** Folder of the runtime's state; objects, queues and topics go to its subfolder `fauxqs`. In memory when absent. */
  readonly dataDir?: string;
  readonly onObject: (event: ObjectEvent) => void;
}

export interface Fauxqs {
  readonly app: FauxqsApp;
  readonly s3: S3Store;
  readonly sqs: SqsStore;
  readonly sns: SnsStore;
  /** Ends long polls and closes the files. */
  close(): Promise<void>;
}

interface Internals {
  S3Store: new () => S3Store;
  SqsStore: new () => SqsStore;
  SnsStore: new () => SnsStore;
  PersistenceManager: new (directory: string) => Persistence;
}

interface Persistence extends S3Persistence {
  load(sqs: SqsStore, sns: SnsStore, s3: S3Store): void;
  close(): void;
}

const FILES: Readonly<Record<keyof Internals, string>> = {
  S3Store: "./s3/s3Store.js",
  SqsStore: "./sqs/sqsStore.js",
  SnsStore: "./sns/snsStore.js",
  PersistenceManager: "./persistence.js",
};

const loadInternals = async (): Promise<Internals> => {
  const entry = import.meta.resolve("fauxqs");
  const loaded = await Promise.all(
    Object.entries(FILES).map(async ([name, file]) => [
      name,
      (await import(new URL(file, entry).href))[name],
    ]),
  );
  return Object.fromEntries(loaded) as Internals;
};

const openPersistence = (internals: Internals, directory: string): Persistence => {
  try {
    const folder = join(directory, "fauxqs");
    mkdirSync(folder, { recursive: true });
    return new internals.PersistenceManager(folder);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Error(
      `Objects and queues cannot be kept in ${directory}: ${why}. Choose a folder that this user may write.`,
      { cause },
    );
  }
};

const persist = (internals: Internals, directory: string, stores: Stores): Persistence => {
  const persistence = openPersistence(internals, directory);
  persistence.load(stores.sqsStore, stores.snsStore, stores.s3Store);
  Object.assign(stores.sqsStore, { persistence });
  Object.assign(stores.snsStore, { persistence });
  Object.assign(stores.s3Store, { persistence });
  for (const queue of stores.sqsStore.allQueues()) Object.assign(queue, { persistence });
  return persistence;
};

/** Builds the application without making it ready: hooks and parsers can still be added. */
export const embedFauxqs = async (options: FauxqsOptions): Promise<Fauxqs> => {
  const internals = await loadInternals();
  const stores: Stores = {
    s3Store: new internals.S3Store(),
    sqsStore: new internals.SqsStore(),
    snsStore: new internals.SnsStore(),
  };
  // Without a host of their own, queue URLs take the request's Host header.
  stores.sqsStore.host = "";
  const persistence = options.dataDir === undefined ? undefined : persist(internals, options.dataDir, stores);
  const spy = {
    addMessage: (event: ObjectEvent | { service: string }) => {
      if (event.service === "s3") options.onObject(event as ObjectEvent);
    },
  };
  Object.assign(stores.s3Store, { spy });
  const app = buildApp({ logger: false, defaultRegion: options.region, stores });
  return {
    app,
    s3: stores.s3Store,
    sqs: stores.sqsStore,
    sns: stores.snsStore,
    close: async () => {
      await app.close();
      persistence?.close();
    },
  };
};
