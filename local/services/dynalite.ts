/**
 * dynalite 4.0.0 driven in process, without its HTTP server: the only file that knows its internals.
 *
 * Every operation runs against a view of its store (`dynalite-view.ts`) that sees the reads, writes and locks of
 * that one operation. That is where changes are captured and transactions buffered; nothing of dynalite is patched.
 */

import { createRequire } from "node:module";
import { ConditionCache } from "./dynalite-conditions.ts";
import { notServed, ServiceError, serializationError } from "./faults.ts";
import type { Input, Place } from "./service.ts";

const require = createRequire(import.meta.url);

/** An attribute value: exactly one of S, N, B, BOOL, NULL, SS, NS, BS, L, M. */
type AttributeValue = Readonly<Record<string, unknown>>;
export type Item = Record<string, AttributeValue>;

export interface Table {
  readonly TableName: string;
  readonly TableArn: string;
  readonly TableStatus: string;
  readonly KeySchema: readonly { readonly AttributeName: string; readonly KeyType: string }[];
  readonly [member: string]: unknown;
}

export type Callback<T = void> = (error: unknown, value?: T) => void;
export type Release = (callback: (...values: never[]) => void) => (...values: unknown[]) => void;

export interface ItemDb {
  get(key: string, callback: Callback<Item>): void;
  put(key: string, value: Item, callback: Callback): void;
  del(key: string, callback: Callback): void;
  lock(key: string, run: (release: Release) => void): void;
}

export interface Store {
  readonly options: { readonly maxItemSize: number };
  readonly tableDb: { awsRegion: string; awsAccountId: string };
  readonly db: { close(callback: Callback): void; open(): Promise<void> };
  getItemDb(tableName: string): ItemDb;
  getIndexDb(type: string, tableName: string, indexName: string): ItemDb;
  getTable(name: string, callback: Callback<Table>): void;
  getTable(name: string, checkStatus: boolean, callback: Callback<Table>): void;
}

interface DynaliteDb {
  create(options: Record<string, unknown>): Store;
  createKey(item: Item, table: Table): string;
  validateKey(key: Item, table: Table): Error | undefined;
  validateItem(item: Item, table: Table): Error | undefined;
  itemSize(item: Item): number;
}

interface ActionRules {
  readonly types: Record<string, unknown>;
  readonly custom?: (input: Input, store: Store) => string | undefined;
}

interface DynaliteValidations {
  checkTypes(input: Input, types: ActionRules["types"]): Input;
  checkValidations(
    input: Input,
    types: ActionRules["types"],
    custom: ActionRules["custom"],
    store: Store,
  ): void;
  /** What is wrong with a value. Numbers are brought to their normal form. */
  validateAttributeValue(value: object): string | undefined;
}

type Action = (store: Store, input: Input, callback: Callback<Input>) => void;

const db: DynaliteDb = require("dynalite/db");
const validations: DynaliteValidations = require("dynalite/validations");

const OPERATIONS = [
  "BatchGetItem",
  "BatchWriteItem",
  "CreateTable",
  "DeleteItem",
  "DeleteTable",
  "DescribeTable",
  "GetItem",
  "ListTables",
  "ListTagsOfResource",
  "PutItem",
  "Query",
  "Scan",
  "TagResource",
  "UntagResource",
  "UpdateItem",
  "UpdateTable",
] as const;
export type Operation = (typeof OPERATIONS)[number];

export const isOperation = (name: string): name is Operation => OPERATIONS.some((known) => known === name);

/** Their one expression is a condition. */
const CONDITION_ONLY = new Set<Operation>(["PutItem", "DeleteItem"]);

const fileOf = (operation: Operation): string => operation.charAt(0).toLowerCase() + operation.slice(1);

/** dynalite fails with `{ statusCode, body: { __type, message | Message, ... } }`. */
const asServiceError = (error: unknown): unknown => {
  const { statusCode, body } = (error ?? {}) as { statusCode?: number; body?: Record<string, unknown> };
  if (statusCode === undefined || body === undefined) return error;
  const { __type, message, Message, ...details } = body;
  return new ServiceError(String(__type), String(message ?? Message ?? ""), { status: statusCode, details });
};

export interface DynaliteOptions extends Place {
  /** Folder of the database; in memory when absent. */
  readonly path?: string | undefined;
}

/** Runs one operation against a store: the real one, or a view of it. */
export class Dynalite {
  readonly store: Store;
  readonly #actions = new Map<Operation, { run: Action; rules: ActionRules }>();
  readonly #conditions = new ConditionCache();

  constructor(options: DynaliteOptions) {
    this.store = db.create({ createTableMs: 0, deleteTableMs: 0, updateTableMs: 0, path: options.path });
    this.store.tableDb.awsRegion = options.region;
    this.store.tableDb.awsAccountId = options.account;
    for (const operation of OPERATIONS) {
      const file = fileOf(operation);
      const run: Action = require(`dynalite/actions/${file}`);
      const rules: ActionRules = require(`dynalite/validations/${file}`);
      this.#actions.set(operation, { run, rules });
    }
  }

  /** Waits for the database; fails when its folder cannot be used. */
  async open(): Promise<void> {
    await this.store.db.open();
  }

  close(): Promise<void> {
    return new Promise((resolve, reject) =>
      this.store.db.close((error) => (error ? reject(error) : resolve())),
    );
  }

  /** Checks a request and parses its expressions. @throws ServiceError */
  parse(operation: Operation, input: Input): Input {
    const { rules } = this.#action(operation);
    try {
      const typed = validations.checkTypes({ ...input }, rules.types);
      return CONDITION_ONLY.has(operation) ? this.#checkConditional(typed, rules) : this.#check(typed, rules);
    } catch (error) {
      const known = asServiceError(error);
      if (known instanceof ServiceError) throw known;
      // dynalite trips over shapes it does not expect, such as null for an attribute value.
      throw serializationError("A member of the request has an unexpected type.");
    }
  }

  #check(typed: Input, rules: ActionRules): Input {
    validations.checkValidations(typed, rules.types, rules.custom, this.store);
    return typed;
  }

  /** The same, but a condition that was parsed before is not parsed again. */
  #checkConditional(typed: Input, rules: ActionRules): Input {
    const _condition = this.#conditions.recall(typed);
    const { ConditionExpression, ExpressionAttributeNames, ExpressionAttributeValues, ...rest } = typed;
    const values = Object.values(ExpressionAttributeValues ?? {});
    const isValid = (value: object) => validations.validateAttributeValue(value) === undefined;
    if (_condition !== undefined && values.every(isValid)) return { ...this.#check(rest, rules), _condition };
    const checked = this.#check(typed, rules);
    this.#conditions.remember(checked, checked._condition);
    return checked;
  }

  /** Runs a parsed request. @throws ServiceError */
  run(operation: Operation, parsed: Input, store: Store): Promise<Input> {
    const { run } = this.#action(operation);
    return new Promise((resolve, reject) => {
      run(store, parsed, (error, value) => (error ? reject(asServiceError(error)) : resolve(value ?? {})));
    });
  }

  /** The table's description, whatever its state. @throws ServiceError ResourceNotFoundException */
  table(name: string): Promise<Table> {
    return new Promise((resolve, reject) =>
      this.store.getTable(name, false, (error, table) =>
        table && !error ? resolve(table) : reject(asServiceError(error)),
      ),
    );
  }

  /** Where an item is kept. @throws ServiceError when it lacks its key. */
  keyOf(item: Item, table: Table): string {
    return db.createKey(item, table);
  }

  /** What is wrong with an item's or a request's key; undefined when nothing is. */
  keyProblem(kind: "item" | "key", value: Item, table: Table): unknown {
    const problem = kind === "item" ? db.validateItem(value, table) : db.validateKey(value, table);
    return problem === undefined || problem === null ? undefined : asServiceError(problem);
  }

  /** Bytes as DynamoDB counts them. */
  sizeOf(item: Item): number {
    return db.itemSize(item);
  }

  #action(operation: Operation): { run: Action; rules: ActionRules } {
    const action = this.#actions.get(operation);
    if (!action) throw notServed("dynamodb", operation);
    return action;
  }
}
