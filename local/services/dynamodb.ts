/**
 * DynamoDB: dynalite's storage and expressions, plus what it lacks: `ReturnValuesOnConditionCheckFailure`,
 * transactions, time to live and streams. JSON 1.0.
 *
 * Differs from AWS: a table is active within milliseconds; indexes are read at once consistently and can be made
 * only with their table; nothing is throttled; no PartiQL, backups or global tables; an attribute cannot be called
 * `__proto__`.
 * Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/Welcome.html
 */

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../kit/clock.ts";
import { tableNameOf, tablePermissions } from "./authorise-dynamodb.ts";
import { Dynalite, type Item, isOperation, type Operation } from "./dynalite.ts";
import { type Change, StoreView } from "./dynalite-view.ts";
import { checkReturnValues, isConditional, withItem } from "./dynamodb-conditions.ts";
import { ACCOUNT_LIMITS } from "./dynamodb-limits.ts";
import { loadChanges, saveChanges } from "./dynamodb-snapshot.ts";
import { ChangeStreams } from "./dynamodb-streams.ts";
import { Transactions } from "./dynamodb-transactions.ts";
import { TimeToLive } from "./dynamodb-ttl.ts";
import { notServed, ServiceError } from "./faults.ts";
import type { Input, JsonService, Output, Permission, Place } from "./service.ts";

export interface DynamoDbOptions extends Place {
  readonly clock: Clock;
  /**
   * Folder of the runtime's state: tables and items are kept in its subfolder `dynamodb`, their changes in
   * `dynamodb-changes.jsonl`. Time to live is a setting of a run: apply it again.
   * @default in memory
   */
  readonly dataDir?: string;
  /** How often expired items are deleted, in milliseconds. @default 10,000 */
  readonly sweepMs?: number;
}

/** Members of CreateTable, as the API takes them. */
export interface CreateTableInput extends Input {
  readonly TableName: string;
}

const DEFAULT_SWEEP_MS = 10_000;
const OWN_OPERATIONS = new Set([
  "DescribeContinuousBackups",
  "DescribeLimits",
  "DescribeStream",
  "DescribeTimeToLive",
  "GetRecords",
  "GetShardIterator",
  "ListStreams",
  "TransactGetItems",
  "TransactWriteItems",
  "UpdateTimeToLive",
]);
export class DynamoDb implements JsonService {
  readonly name = "dynamodb";
  readonly targets = ["DynamoDB_20120810", "DynamoDBStreams_20120810"];
  readonly contentType = "application/x-amz-json-1.0";
  readonly maxBodyBytes = 16 * 1024 * 1024;
  /** In-process side of DynamoDB Streams. */
  readonly streams: ChangeStreams;
  readonly #options: DynamoDbOptions;
  readonly #dynalite: Dynalite;
  readonly #transactions: Transactions;
  readonly #ttl = new TimeToLive();
  readonly #stopping = new AbortController();
  #sweeping: Promise<void> = Promise.resolve();

  private constructor(options: DynamoDbOptions) {
    this.#options = options;
    const { region, account, clock, dataDir } = options;
    const path = dataDir === undefined ? undefined : join(dataDir, "dynamodb");
    this.#dynalite = new Dynalite({ region, account, path });
    this.streams = new ChangeStreams({ region, account, clock, dynalite: this.#dynalite });
    const onChange = (change: Change) => this.#noteChange(change);
    this.#transactions = new Transactions({ dynalite: this.#dynalite, clock, onChange });
  }

  /** Opens the store and starts deleting expired items. @throws Error when `dataDir` cannot be used. */
  static async start(options: DynamoDbOptions): Promise<DynamoDb> {
    const dynamodb = await DynamoDb.#open(options);
    await loadChanges(dynamodb.streams, options.dataDir).catch(async (error) => {
      await dynamodb.#dynalite.close();
      throw error;
    });
    dynamodb.#sweeping = dynamodb.#sweepForEver();
    return dynamodb;
  }

  /** Part of `start`. */
  static async #open(options: DynamoDbOptions): Promise<DynamoDb> {
    const dynamodb = new DynamoDb(options);
    try {
      if (options.dataDir !== undefined) await mkdir(options.dataDir, { recursive: true });
      await dynamodb.#dynalite.open();
    } catch (error) {
      const { message, cause } = error as Error;
      const why = cause instanceof Error ? cause.message : message;
      throw new Error(
        `The tables cannot be kept in ${options.dataDir}: ${why}. Choose a folder that this user may write and no ` +
          "other runtime uses.",
        { cause: error },
      );
    }
    return dynamodb;
  }

  async close(): Promise<void> {
    this.#stopping.abort();
    await this.#sweeping;
    const { dataDir } = this.#options;
    await saveChanges(this.streams, dataDir).finally(() => this.#dynalite.close());
  }

  serves(operation: string): boolean {
    return isOperation(operation) || OWN_OPERATIONS.has(operation);
  }

  permissions(operation: string, input: Input): readonly Permission[] {
    return tablePermissions(operation, input, this.#options);
  }

  /** @throws ServiceError as AWS would. */
  async handle(operation: string, input: Input): Promise<Output> {
    const named =
      typeof input.TableName === "string" ? { ...input, TableName: tableNameOf(input.TableName) } : input;
    if (isOperation(operation)) return this.#tableOperation(operation, named);
    return this.#ownOperation(operation, named);
  }

  /** Creates a table, unless `dataDir` has kept it, and waits until it is active. @throws ServiceError */
  async createTable(input: CreateTableInput): Promise<void> {
    if (await this.hasTable(input.TableName))
      this.streams.configure(input.TableName, input.StreamSpecification);
    else await this.handle("CreateTable", input);
    for (;;) {
      const { TableStatus } = await this.#dynalite.table(input.TableName);
      if (TableStatus === "ACTIVE") return;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async hasTable(name: string): Promise<boolean> {
    return (await this.#dynalite.table(name).catch(() => undefined)) !== undefined;
  }

  /** Deletes what has expired; runs by itself every `sweepMs`. @returns how many items were deleted. */
  async sweep(): Promise<number> {
    let deleted = 0;
    for (const { tableName, attribute, key } of this.#ttl.takeDue(this.#options.clock.now())) {
      if (await this.#expire(tableName, attribute, key)) deleted += 1;
    }
    return deleted;
  }

  async #sweepForEver(): Promise<void> {
    const { signal } = this.#stopping;
    const { clock, sweepMs = DEFAULT_SWEEP_MS } = this.#options;
    while (!signal.aborted) {
      await clock.sleep(sweepMs, signal).catch(() => {});
      if (!signal.aborted) await this.sweep();
    }
  }

  /** Deletes one item unless it was given a later expiry meanwhile. */
  async #expire(tableName: string, attribute: string, key: Item): Promise<boolean> {
    const now = String(Math.floor(this.#options.clock.now() / 1000));
    const request = {
      TableName: tableName,
      Key: key,
      ConditionExpression: "#expiry <= :now",
      ExpressionAttributeNames: { "#expiry": attribute },
      ExpressionAttributeValues: { ":now": { N: now } },
    };
    try {
      await this.#run("DeleteItem", request, { byTimeToLive: true });
      return true;
    } catch (error) {
      if (error instanceof ServiceError) return false;
      throw error;
    }
  }

  #noteChange(change: Change, byTimeToLive = false): void {
    if (change.after) this.#ttl.note(change.table, change.after);
    this.streams.capture(change, byTimeToLive);
  }

  async #run(operation: Operation, input: Input, { byTimeToLive = false } = {}): Promise<Input> {
    const parsed = this.#dynalite.parse(operation, input);
    const view = new StoreView({
      store: this.#dynalite.store,
      mode: "through",
      onChange: (change) => this.#noteChange(change, byTimeToLive),
    });
    try {
      return await Promise.race([this.#dynalite.run(operation, parsed, view.store), view.crashed]);
    } catch (error) {
      throw withItem(error, input, view.onlyRead);
    }
  }

  async #tableOperation(operation: Operation, input: Input): Promise<Output> {
    if (isConditional(operation)) checkReturnValues(input);
    switch (operation) {
      case "CreateTable":
        return this.#createTable(input);
      case "UpdateTable":
        return this.#updateTable(input);
      case "DeleteTable":
        return this.#deleteTable(input);
      case "DescribeTable":
        return this.#describeTable(input);
      default:
        return this.#run(operation, input);
    }
  }

  async #createTable(input: Input): Promise<Output> {
    const result = await this.#run("CreateTable", input);
    this.streams.configure(String(input.TableName), input.StreamSpecification);
    this.streams.decorate(result.TableDescription);
    return result;
  }

  async #describeTable(input: Input): Promise<Output> {
    const result = await this.#run("DescribeTable", input);
    this.streams.decorate(result.Table);
    return result;
  }

  async #deleteTable(input: Input): Promise<Output> {
    const result = await this.#run("DeleteTable", input);
    this.#ttl.disable(String(input.TableName));
    this.streams.remove(String(input.TableName));
    return result;
  }

  async #updateTable(input: Input): Promise<Output> {
    const updates = Array.isArray(input.GlobalSecondaryIndexUpdates) ? input.GlobalSecondaryIndexUpdates : [];
    if (updates.some((update: Input | null) => update?.Create || update?.Delete)) {
      throw notServed(this.name, "UpdateTable", "An index can be made only with its table (CreateTable).");
    }
    const { StreamSpecification, ...rest } = input;
    if (StreamSpecification === undefined) return this.#run("UpdateTable", rest);
    const { Table } = await this.#run("DescribeTable", { TableName: input.TableName });
    this.streams.configure(String(input.TableName), StreamSpecification);
    this.streams.decorate(Table);
    return { TableDescription: Table };
  }

  async #ownOperation(operation: string, input: Input): Promise<Output> {
    switch (operation) {
      case "TransactWriteItems":
        return this.#transactions.write(input);
      case "TransactGetItems":
        return this.#transactions.read(input);
      case "UpdateTimeToLive":
        return this.#updateTimeToLive(input);
      case "DescribeTimeToLive":
        await this.#dynalite.table(String(input.TableName));
        return this.#ttl.describe(String(input.TableName));
      case "DescribeContinuousBackups":
        await this.#dynalite.table(String(input.TableName));
        return { ContinuousBackupsDescription: { ContinuousBackupsStatus: "DISABLED" } };
      case "DescribeLimits":
        return ACCOUNT_LIMITS;
      default: {
        const result = this.streams.handle(operation, input);
        if (!result) throw notServed(this.name, operation);
        return result;
      }
    }
  }

  async #updateTimeToLive(input: Input): Promise<Output> {
    const name = String(input.TableName);
    const table = await this.#dynalite.table(name);
    const { enabled, attribute } = this.#ttl.readUpdate(name, input);
    if (!enabled) {
      this.#ttl.disable(name);
      return { TimeToLiveSpecification: { Enabled: false, AttributeName: attribute } };
    }
    this.#ttl.enable(name, attribute);
    for await (const item of this.#items(name)) this.#ttl.note(table, item);
    return { TimeToLiveSpecification: { Enabled: true, AttributeName: attribute } };
  }

  async *#items(tableName: string): AsyncGenerator<Item> {
    let start: unknown;
    do {
      const page = await this.#run("Scan", { TableName: tableName, ExclusiveStartKey: start });
      yield* (page.Items ?? []) as Item[];
      start = page.LastEvaluatedKey;
    } while (start !== undefined);
  }
}
