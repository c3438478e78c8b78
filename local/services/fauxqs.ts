/**
 * fauxqs 2.4.1 embedded: S3, SQS, SNS and STS in one Fastify application that never listens by itself (its own
 * starter would on 0.0.0.0).
 */

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { buildApp } from "fauxqs";
import type { QueueLevel } from "./aws-figures.ts";
import type { ClockedQueue } from "./clocked-queue.ts";
import { CountedQueue, type CountedQueueOptions } from "./counted-queue.ts";
import {
  type FauxqsApp,
  INVALID_MESSAGE_BODY_CHAR,
  type Persistence,
  PersistenceManager,
  S3Store,
  SnsStore,
  SqsStore,
  type Stores,
} from "./fauxqs-internals.ts";

/** What fauxqs tells its spy. */
export interface ObjectEvent {
  readonly service: "s3";
  readonly bucket: string;
  readonly key: string;
  readonly status: "uploaded" | "downloaded" | "deleted" | "copied" | "renamed";
  readonly timestamp: number;
}

/** An object in the store. */
export interface StoredObject {
  readonly bucket: string;
  readonly key: string;
  /** Bytes. */
  readonly size: number;
  /** With its quotes. */
  readonly etag: string;
}

export interface FauxqsOptions {
  readonly region: string;
  /** Folder of the runtime's state; objects, queues and topics go to its subfolder `fauxqs`. In memory when absent. */
  readonly dataDir?: string;
  readonly onObject: (event: ObjectEvent) => void;
  /** What the queues go by. */
  readonly queues: CountedQueueOptions;
}

export interface Fauxqs {
  readonly app: FauxqsApp;
  readonly s3: S3Store;
  readonly sqs: SqsStore;
  readonly sns: SnsStore;
  /** Calls `listener` whenever an object has been written, once whatever wrote it. */
  onWritten(listener: (object: StoredObject) => void): void;
  /** A queue by its name, URL or ARN. */
  queue(reference: string): ClockedQueue | undefined;
  /** What each queue holds. */
  levels(now: number): QueueLevel[];
  /** Ends long polls and closes the files. */
  close(): Promise<void>;
}

const openPersistence = (directory: string): Persistence => {
  try {
    const folder = join(directory, "fauxqs");
    mkdirSync(folder, { recursive: true });
    return new PersistenceManager(folder);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Error(
      `Objects and queues cannot be kept in ${directory}: ${why}. Choose a folder that this user may write.`,
      { cause },
    );
  }
};

const persist = (directory: string, stores: Stores): Persistence => {
  const persistence = openPersistence(directory);
  persistence.load(stores.sqsStore, stores.snsStore, stores.s3Store);
  Object.assign(stores.sqsStore, { persistence });
  Object.assign(stores.snsStore, { persistence });
  Object.assign(stores.s3Store, { persistence });
  for (const queue of stores.sqsStore.allQueues()) Object.assign(queue, { persistence });
  return persistence;
};

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html */
const INVALID = /[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/u;

/** fauxqs refuses every character beyond U+FFFF, which SQS takes. */
const takeEveryCharacter = (): void => {
  Object.assign(INVALID_MESSAGE_BODY_CHAR, { test: (text: string) => INVALID.test(text) });
};

/** Lets the store make queues that go by the runtime's clock, and are counted. */
const useClockedQueues = (store: SqsStore, options: CountedQueueOptions): void => {
  const indexes = store as unknown as Record<"queues" | "queuesByName" | "queuesByArn", Map<string, object>>;
  const createQueue: SqsStore["createQueue"] = (name, url, arn, attributes, tags) => {
    const queue = new CountedQueue(options, name, url, arn, attributes, tags);
    if (store.persistence) {
      queue.persistence = store.persistence;
      store.persistence.insertQueue(queue);
    }
    indexes.queues.set(url, queue);
    indexes.queuesByName.set(name, queue);
    indexes.queuesByArn.set(arn, queue);
    return queue;
  };
  Object.assign(store, { createQueue });
};

/** The spy tells of a form or a copy twice, and not what was written: this is asked instead. */
const watchWrites = (store: S3Store, listener: (object: StoredObject) => void): void => {
  const { putObject, completeMultipartUpload } = store;
  const { multipartUploads } = store as unknown as { multipartUploads: Map<string, { bucket: string }> };
  const tell = (bucket: string, { key, contentLength: size, etag }: ReturnType<S3Store["putObject"]>) =>
    listener({ bucket, key, size, etag });
  const put: S3Store["putObject"] = (...args) => {
    const object = putObject.apply(store, args);
    tell(args[0], object);
    return object;
  };
  const complete: S3Store["completeMultipartUpload"] = (uploadId, ...args) => {
    const bucket = multipartUploads.get(uploadId)?.bucket ?? "";
    const object = completeMultipartUpload.call(store, uploadId, ...args);
    tell(bucket, object);
    return object;
  };
  Object.assign(store, { putObject: put, completeMultipartUpload: complete });
};

/** Builds the application without making it ready: hooks and parsers can still be added. */
export const embedFauxqs = (options: FauxqsOptions): Fauxqs => {
  const stores: Stores = {
    s3Store: new S3Store(),
    sqsStore: new SqsStore(),
    snsStore: new SnsStore(),
  };
  takeEveryCharacter();
  useClockedQueues(stores.sqsStore, options.queues);
  // Without a host of their own, queue URLs take the request's Host header.
  stores.sqsStore.host = "";
  const persistence = options.dataDir === undefined ? undefined : persist(options.dataDir, stores);
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
    onWritten: (listener) => watchWrites(stores.s3Store, listener),
    queue: (reference) => {
      const { sqsStore } = stores;
      const isArn = reference.startsWith("arn:");
      return (isArn ? sqsStore.getQueueByArn(reference) : sqsStore.getQueue(reference)) as
        | ClockedQueue
        | undefined;
    },
    levels: (now) => [...stores.sqsStore.allQueues()].map((queue) => (queue as CountedQueue).level(now)),
    close: async () => {
      await app.close();
      persistence?.close();
    },
  };
};
