/**
 * The classes inside fauxqs 2.4.1, and the only file that knows where they are: the package exports only its entry, so
 * they are imported by file URL, and their types are taken from what the entry accepts.
 */
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

const file = (path: string): string => new URL(path, import.meta.resolve("fauxqs")).href;

// The entry, which the application is built with, loads the same files: none is loaded twice.
const [s3, sqs, sns, persistence] = await Promise.all([
  import(file("./s3/s3Store.js")) as Promise<{ S3Store: new () => S3Store }>,
  import(file("./sqs/sqsStore.js")) as Promise<{
    SqsStore: new () => SqsStore;
    SqsQueue: new (...args: QueueArguments) => FauxqsQueue;
  }>,
  import(file("./sns/snsStore.js")) as Promise<{ SnsStore: new () => SnsStore }>,
  import(file("./persistence.js")) as Promise<{ PersistenceManager: new (directory: string) => Persistence }>,
]);

export const { S3Store } = s3;
export const { SqsStore, SqsQueue } = sqs;
export const { SnsStore } = sns;
export const { PersistenceManager } = persistence;
