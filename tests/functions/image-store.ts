/** What stands in for the images table and the buckets in the tests of the image functions. */
import { Readable } from "node:stream";
import {
  ConditionalCheckFailedException,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  UpdateItemCommand,
  type UpdateItemCommandInput,
} from "@aws-sdk/client-dynamodb";
import { GetObjectCommand, PutObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import type { Item } from "../../functions/shared/attributes.ts";

/** An S3 error as the SDK throws them. */
export const s3Error = (name: string): Error => Object.assign(new Error(name), { name });

export class FakeTable {
  readonly items = new Map<string, Item>();
  readonly sent: string[] = [];
  /** Thrown by the next command of that name, once. */
  failing: [command: string, error: Error] | undefined;

  get client(): DynamoDBClient {
    return { send: async (command: object) => this.#run(command) } as unknown as DynamoDBClient;
  }

  #run(command: object): object {
    const { name } = command.constructor;
    this.sent.push(name);
    const failure = this.failing?.[0] === name ? this.failing[1] : undefined;
    if (failure) this.failing = undefined;
    if (failure) throw failure;
    if (command instanceof GetItemCommand) return { Item: this.items.get(idOf(command.input.Key)) };
    if (command instanceof PutItemCommand) return this.#put(command);
    if (command instanceof UpdateItemCommand) return this.#update(command.input);
    throw new Error(`unknown command ${name}`);
  }

  #put({ input }: PutItemCommand): object {
    if (this.items.has(idOf(input.Item))) throw refused();
    this.items.set(idOf(input.Item), input.Item ?? {});
    return {};
  }

  #update(input: UpdateItemCommandInput): object {
    expectCondition(input.ConditionExpression);
    const [names = {}, values = {}] = [input.ExpressionAttributeNames, input.ExpressionAttributeValues];
    const item: Item = { ...input.Key, ...this.items.get(idOf(input.Key)) };
    if (item.sequencer && String(item.sequencer.S) >= String(values[":sequencer"]?.S)) throw refused();
    const [, set = "", remove = ""] = /^SET (.*) REMOVE (.*)$/.exec(input.UpdateExpression ?? "") ?? [];
    for (const part of set.split(", ")) {
      const [name = "", value = ""] = part.split(" = ");
      const known = values[value];
      if (known) item[names[name] ?? ""] = known;
    }
    for (const name of remove.split(", ")) delete item[names[name] ?? ""];
    this.items.set(idOf(input.Key), item);
    return {};
  }
}

const refused = (): Error => new ConditionalCheckFailedException({ message: "refused", $metadata: {} });
const idOf = (item: Item | undefined): string => item?.imageId?.S ?? "";

function expectCondition(condition: string | undefined): void {
  if (condition !== "attribute_not_exists(#sequencer) OR #sequencer < :sequencer") throw new Error(condition);
}

interface Stored {
  body: Buffer;
  eTag: string;
  type?: string;
}

export class FakeBuckets {
  readonly objects = new Map<string, Stored>();
  readonly sent: string[] = [];
  /** Runs before each command. */
  before: (command: string, key: string) => void = () => {};

  get client(): S3Client {
    return { send: async (command: object) => this.#run(command) } as unknown as S3Client;
  }

  put(bucket: string, key: string, body: Buffer, eTag: string): void {
    this.objects.set(`${bucket}/${key}`, { body, eTag });
  }

  #run(command: object): object {
    if (!(command instanceof GetObjectCommand || command instanceof PutObjectCommand))
      throw new Error("unknown");
    const path = `${command.input.Bucket}/${command.input.Key}`;
    this.sent.push(`${command.constructor.name} ${path}`);
    this.before(command.constructor.name, path);
    if (command instanceof GetObjectCommand) return this.#get(path, command.input.IfMatch);
    const { Body, ContentType } = command.input;
    this.objects.set(path, { body: Buffer.from(Body as Buffer), eTag: "", type: ContentType });
    return {};
  }

  #get(path: string, ifMatch: string | undefined): object {
    const stored = this.objects.get(path);
    if (!stored) throw s3Error("NoSuchKey");
    if (ifMatch !== `"${stored.eTag}"`) throw s3Error("PreconditionFailed");
    return { Body: Readable.from([stored.body.subarray(0, 10), stored.body.subarray(10)]) };
  }
}
