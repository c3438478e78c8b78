/**
 * The classes inside fauxqs 2.4.1, and the only file that knows where they are: the package exports only its entry, so
 * they are imported by file URL, and their types are taken from what the entry accepts.
 */
import { createRequire } from "node:module";
import type { buildApp } from "fauxqs";

export type Stores = Required<NonNullable<NonNullable<Parameters<typeof buildApp>[0]>["stores"]>>;
export type S3Store = Stores["s3Store"];
export type SqsStore = Stores["sqsStore"];
export type SnsStore = Stores["snsStore"];
export type FauxqsQueue = NonNullable<ReturnType<SqsStore["getQueue"]>>;
export type StoredMessage = Parameters<FauxqsQueue["enqueue"]>[0];
export type ReceivedMessage = ReturnType<FauxqsQueue["dequeue"]>[number];
export type FauxqsApp = ReturnType<typeof buildApp>;

export interface Persistence extends NonNullable<S3Store["persistence"]> {
  load(sqs: SqsStore, sns: SnsStore, s3: S3Store): void;
  close(): void;
}

export type QueueArguments = [
  name: string,
  url: string,
  arn: string,
  attributes?: Record<string, string>,
  tags?: Record<string, string>,
];

interface Classes {
  S3Store: new () => S3Store;
  SqsStore: new () => SqsStore;
  SqsQueue: new (...args: QueueArguments) => FauxqsQueue;
  SnsStore: new () => SnsStore;
  PersistenceManager: new (directory: string) => Persistence;
  /** What no message may hold. */
  INVALID_MESSAGE_BODY_CHAR: RegExp;
}

// By `require`, which takes ES modules too: a top-level await would keep this module from being required itself. The
// entry, which the application is built with, loads the same files: none is loaded twice.
const load = createRequire(import.meta.resolve("fauxqs")) as (file: string) => Classes;

export const { S3Store } = load("./s3/s3Store.js");
export const { SqsStore, SqsQueue } = load("./sqs/sqsStore.js");
export const { SnsStore } = load("./sns/snsStore.js");
export const { INVALID_MESSAGE_BODY_CHAR } = load("./sqs/sqsTypes.js");
export const { PersistenceManager } = load("./persistence.js");
