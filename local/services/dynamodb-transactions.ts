/**
 * TransactWriteItems and TransactGetItems over dynalite: all items are locked in one order, every action is tried
 * against a view that holds its writes back, and only when all of them would succeed are the writes carried out.
 * Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
 */

import { createHash } from "node:crypto";
import type { Dynalite, Item, Operation, Release, Table } from "./dynalite.ts";
import { type Change, StoreView } from "./dynalite-view.ts";
import { checkReturnValues } from "./dynamodb-conditions.ts";
import { ServiceError, validationError } from "./faults.ts";
import type { Input, Output } from "./service.ts";

const MAX_ITEMS = 100;
/** Aggregate size of the items, in bytes. */
const MAX_BYTES = 4 * 1024 * 1024;
/** How long a ClientRequestToken is remembered, in milliseconds. */
const TOKEN_MS = 600_000;
const CONDITION_FAILED = "ConditionalCheckFailedException";

const WRITES: Readonly<Record<string, { operation: Operation; keyed: "Item" | "Key" }>> = {
  Put: { operation: "PutItem", keyed: "Item" },
  Update: { operation: "UpdateItem", keyed: "Key" },
  Delete: { operation: "DeleteItem", keyed: "Key" },
  // A delete that is never carried out checks exactly the condition.
  ConditionCheck: { operation: "DeleteItem", keyed: "Key" },
};

interface Part {
  readonly kind: string;
  readonly operation: Operation;
  readonly raw: Input;
  readonly parsed: Input;
  readonly table: Table;
  readonly tableName: string;
  /** Undefined when the key does not fit the table; `problem` says why. */
  readonly key: string | undefined;
  readonly problem: unknown;
}

interface Reason {
  Code: string;
  Message?: string;
  Item?: Item;
}

interface Remembered {
  readonly fingerprint: string;
  readonly result: Promise<Output>;
  readonly expiresAt: number;
}

interface TransactionOptions {
  readonly dynalite: Dynalite;
  readonly clock: { now(): number };
  readonly onChange: (change: Change) => void;
}

export class Transactions {
  readonly #options: TransactionOptions;
  readonly #tokens = new Map<string, Remembered>();

  constructor(options: TransactionOptions) {
    this.#options = options;
  }

  /** Idempotent for ten minutes when the request has a ClientRequestToken. @throws ServiceError */
  async write(input: Input): Promise<Output> {
    const token = input.ClientRequestToken;
    if (token === undefined || token === null) return this.#write(input);
    if (typeof token !== "string" || token.length < 1 || token.length > 36) {
      throw validationError(
        `1 validation error detected: Value '${token}' at 'clientRequestToken' failed to satisfy constraint: ` +
          "Member must have length less than or equal to 36",
      );
    }
    const known = this.#known(token);
    const fingerprint = createHash("sha256").update(JSON.stringify(input.TransactItems)).digest("hex");
    if (known) {
      if (known.fingerprint === fingerprint) return known.result;
      throw new ServiceError(
        "com.amazonaws.dynamodb.v20120810#IdempotentParameterMismatchException",
        "An error occurred (IdempotentParameterMismatchException): the request uses the same client token as a " +
          "previous, but non-identical request. Do not reuse a client token with different requests.",
      );
    }
    const result = this.#write(input);
    const expiresAt = this.#options.clock.now() + TOKEN_MS;
    this.#tokens.set(token, { fingerprint, result, expiresAt });
    result.catch(() => this.#tokens.delete(token));
    return result;
  }

  /** Reads up to 100 items as they are between transactions. @throws ServiceError */
  async read(input: Input): Promise<Output> {
    const members = transactItems(input);
    const parts = await Promise.all(members.map((member, index) => this.#readPart(member, index)));
    const release = await this.#lockAll(parts);
    try {
      const responses = await Promise.all(parts.map((part) => this.#get(part)));
      return { Responses: responses };
    } finally {
      release();
    }
  }

  #known(token: string): Remembered | undefined {
    const now = this.#options.clock.now();
    for (const [name, { expiresAt }] of this.#tokens) if (expiresAt <= now) this.#tokens.delete(name);
    return this.#tokens.get(token);
  }

  async #write(input: Input): Promise<Output> {
    const members = transactItems(input);
    const capacity = input.ReturnConsumedCapacity;
    const parts = await Promise.all(members.map((member, index) => this.#writePart(member, index, capacity)));
    const release = await this.#lockAll(parts);
    try {
      return await this.#commit(parts);
    } finally {
      release();
    }
  }

  async #commit(parts: readonly Part[]): Promise<Output> {
    const tried = await Promise.all(parts.map((part) => this.#try(part)));
    const reasons = tried.map(({ reason }) => reason);
    if (reasons.some(({ Code }) => Code !== "None")) {
      const codes = reasons.map(({ Code }) => Code).join(", ");
      throw new ServiceError(
        "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        `Transaction cancelled, please refer cancellation reasons for specific reasons [${codes}]`,
        { details: { Message: undefined, CancellationReasons: reasons } },
      );
    }
    const written = tried.filter((_, index) => parts[index]?.kind !== "ConditionCheck");
    this.#checkSize(written.flatMap(({ view }) => view.changes));
    for (const { view } of written) await view.commit();
    return consumed(tried.map(({ output }) => output));
  }

  #checkSize(changes: readonly Change[]): void {
    const { dynalite } = this.#options;
    const bytes = changes.reduce((sum, { before, after }) => sum + dynalite.sizeOf(after ?? before ?? {}), 0);
    if (bytes <= MAX_BYTES) return;
    throw validationError("Collective size of items in transaction request cannot exceed 4MB");
  }

  async #try(part: Part): Promise<{ view: StoreView; reason: Reason; output: Input }> {
    const { dynalite, onChange } = this.#options;
    const view = new StoreView({ store: dynalite.store, mode: "buffer", onChange });
    try {
      if (part.problem !== undefined) throw part.problem;
      const run = dynalite.run(part.operation, part.parsed, view.store);
      const output = await Promise.race([run, view.crashed]);
      return { view, reason: { Code: "None" }, output };
    } catch (error) {
      return { view, reason: reasonOf(error, part.raw, view.onlyRead), output: {} };
    }
  }

  async #writePart(member: Input, index: number, capacity: unknown): Promise<Part> {
    const entries = Object.entries(member).filter(([, value]) => value !== undefined && value !== null);
    const [kind = "", raw] = entries[0] ?? [];
    const write = Object.hasOwn(WRITES, kind) ? WRITES[kind] : undefined;
    if (entries.length !== 1 || !write || typeof raw !== "object") {
      throw validationError("TransactItems can only contain one of Check, Put, Update or Delete");
    }
    const request = raw as Input;
    if (kind === "ConditionCheck" && typeof request.ConditionExpression !== "string") {
      throw validationError(
        `1 validation error detected: Value null at 'transactItems.${index + 1}.member.conditionCheck.` +
          "conditionExpression' failed to satisfy constraint: Member must not be null",
      );
    }
    checkReturnValues(request);
    const parsed = this.#options.dynalite.parse(write.operation, {
      ...request,
      ReturnConsumedCapacity: capacity,
    });
    return this.#part({ kind, operation: write.operation, raw: request, parsed }, write.keyed);
  }

  async #readPart(member: Input, index: number): Promise<Part> {
    const get = member.Get;
    if (typeof get !== "object" || get === null) {
      throw validationError(
        `1 validation error detected: Value null at 'transactItems.${index + 1}.member.get' failed to satisfy ` +
          "constraint: Member must not be null",
      );
    }
    const raw = get as Input;
    const parsed = this.#options.dynalite.parse("GetItem", { ...raw, ConsistentRead: true });
    return this.#part({ kind: "Get", operation: "GetItem", raw, parsed }, "Key");
  }

  async #part(
    part: Pick<Part, "kind" | "operation" | "raw" | "parsed">,
    keyed: "Item" | "Key",
  ): Promise<Part> {
    const { dynalite } = this.#options;
    const tableName = String(part.parsed.TableName);
    const table = await dynalite.table(tableName);
    const value = part.parsed[keyed] as Item;
    const problem = dynalite.keyProblem(keyed === "Item" ? "item" : "key", value, table);
    const key = problem === undefined ? dynalite.keyOf(value, table) : undefined;
    return { ...part, table, tableName, key, problem };
  }

  async #get(part: Part): Promise<Output> {
    if (part.problem !== undefined) throw part.problem;
    const { dynalite, onChange } = this.#options;
    const view = new StoreView({ store: dynalite.store, mode: "buffer", onChange });
    const { Item: item } = await Promise.race([
      dynalite.run(part.operation, part.parsed, view.store),
      view.crashed,
    ]);
    return item === undefined ? {} : { Item: item };
  }

  /** Locks every item, in one order for all transactions so that none waits for another in a circle. */
  async #lockAll(parts: readonly Part[]): Promise<() => void> {
    const keys = parts.flatMap(({ tableName, key }) => (key === undefined ? [] : [{ tableName, key }]));
    const names = keys.map(({ tableName, key }) => `${tableName}~${key}`);
    if (new Set(names).size !== names.length) {
      throw validationError("Transaction request cannot include multiple operations on one item");
    }
    const order = keys.sort((a, b) => (`${a.tableName}~${a.key}` < `${b.tableName}~${b.key}` ? -1 : 1));
    const releases: (() => void)[] = [];
    for (const { tableName, key } of order) {
      releases.push(await lock(this.#options.dynalite, tableName, key));
    }
    return () => {
      for (const release of releases) release();
    };
  }
}

const lock = (dynalite: Dynalite, tableName: string, key: string): Promise<() => void> =>
  new Promise((resolve) =>
    dynalite.store.getItemDb(tableName).lock(key, (release: Release) => resolve(release(() => {}))),
  );

const transactItems = (input: Input): Input[] => {
  const items = input.TransactItems;
  const problem = (value: string, rule: string) =>
    validationError(
      `1 validation error detected: Value ${value} at 'transactItems' failed to satisfy constraint: ${rule}`,
    );
  if (!Array.isArray(items)) throw problem("null", "Member must not be null");
  if (items.length < 1) throw problem("'[]'", "Member must have length greater than or equal to 1");
  if (items.length > MAX_ITEMS) {
    throw problem(`'[${items.length} items]'`, `Member must have length less than or equal to ${MAX_ITEMS}`);
  }
  return items.map((item: unknown) => (typeof item === "object" && item !== null ? (item as Input) : {}));
};

const reasonOf = (error: unknown, raw: Input, item: Item | undefined): Reason => {
  if (!(error instanceof ServiceError)) throw error;
  const type = error.type.split("#").at(-1);
  if (type === CONDITION_FAILED) {
    const wanted = raw.ReturnValuesOnConditionCheckFailure === "ALL_OLD" && item !== undefined;
    return { Code: "ConditionalCheckFailed", Message: error.message, ...(wanted ? { Item: item } : {}) };
  }
  if (type === "ValidationException") return { Code: "ValidationError", Message: error.message };
  throw error;
};

interface Capacity {
  readonly TableName: string;
  readonly CapacityUnits: number;
}

/** A transaction costs twice what its actions cost. */
const consumed = (outputs: readonly Input[]): Output => {
  const units = new Map<string, number>();
  for (const { ConsumedCapacity } of outputs) {
    const capacity = ConsumedCapacity as Capacity | undefined;
    if (!capacity) continue;
    units.set(capacity.TableName, (units.get(capacity.TableName) ?? 0) + 2 * capacity.CapacityUnits);
  }
  if (units.size === 0) return {};
  return { ConsumedCapacity: [...units].map(([TableName, CapacityUnits]) => ({ TableName, CapacityUnits })) };
};
