import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { DynamoDBBatchResponse, DynamoDBStreamEvent } from "aws-lambda";
import type { Bucket } from "./bucket.ts";
import { Component, type ComponentArgs } from "./component.ts";
import type { Function } from "./function.ts";
import { argumentError } from "./internal/arguments.ts";
import { checkAutoname } from "./internal/names.ts";
import { applyTransform, type Transform } from "./internal/transform.ts";
import type { PolicyStatement } from "./policy.ts";
import { type ShardSubscriptionArgs, ShardSubscriptions } from "./shard-subscriptions.ts";

/** A key attribute: its name, and its type where it is not a string. */
export type KeyAttribute = string | { name: string; type: "string" | "number" | "binary" };

export interface TableIndex {
  partitionKey: KeyAttribute;
  sortKey?: KeyAttribute;
  /**
   * Attributes copied into the index beside its keys.
   * @default "all"
   */
  projection?: "all" | "keys" | string[];
}

export interface TableArgs extends ComponentArgs {
  partitionKey: KeyAttribute;
  sortKey?: KeyAttribute;
  /** Attribute that holds an item's expiry, in seconds since 1970. Expired items vanish within days. */
  timeToLive?: string;
  /** Global secondary indexes by name; at most 20. Each costs a write per item written. */
  indexes?: Record<string, TableIndex>;
  /**
   * Restore to any second of the last 35 days. Costs money per gigabyte.
   * @default false
   */
  pointInTimeRecovery?: boolean;
  /**
   * Refuse deletion until it is switched off, in AWS and in Pulumi.
   * @default false
   */
  deletionProtection?: boolean;
  /**
   * Whether the table keeps its changes of the last 24 h, old and new item, for `onChange`. Needed up front, because
   * the table is made before its subscribers are known. Costs nothing: Lambda's reads of the changes are free.
   * @default false
   */
  changes?: boolean;
  /**
   * Bucket for the batches of changes that a subscriber could not process; they land under `aws/lambda/<mapping>/`.
   * @default a bucket of the table's own, made with the first subscription
   */
  failures?: Bucket;
  /** The last word on the table itself. */
  transform?: { table?: Transform<aws.dynamodb.TableArgs> };
}

/** The callback gets one batch of changes, in order per item. Returns nothing, or what to deliver again. */
export type ChangeSubscriptionArgs = ShardSubscriptionArgs<DynamoDBStreamEvent, DynamoDBBatchResponse>;

const TYPES = { string: "S", number: "N", binary: "B" } as const;
const MOST_INDEXES = 20;
/** How long changes are kept, always: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html */
const CHANGES_KEPT_SECONDS = 86_400;

/**
 * A DynamoDB table, paid per request, encrypted with the account's `aws/dynamodb` key.
 *
 * Cost driver: writes, then reads and bytes kept, and some KMS requests; nothing while idle.
 *
 * ```ts
 * const readings = new Table("readings", { partitionKey: "pk", sortKey: "sk", timeToLive: "expiresAt" });
 * ```
 *
 * Change data capture: with `changes: true`, `onChange` runs a callback for every batch of changes, each with the item
 * before and after (`NEW_AND_OLD_IMAGES`), in order per item; a delete by `timeToLive` carries a `userIdentity`.
 *
 * ```ts
 * const orders = new Table("orders", { partitionKey: "pk", changes: true });
 * orders.onChange("publish", { callback: async (event) => { console.log(event.Records.length); } });
 * ```
 *
 * Failure path: callers see DynamoDB's errors; writers use conditions, not locks. A batch of changes that fails is
 * halved and retried (`ReportBatchItemFailures`: from the first failed change on), and after `maximumRetryAttempts` or
 * the record age it goes to the failures bucket with the reason. Locally: the same API over an embedded store, expiry
 * and changes included, without the polling delay.
 * Sources: https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html, https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html,
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html
 */
export class Table extends Component {
  /** The table's physical name. */
  readonly name: pulumi.Output<string>;
  /** The table's ARN. */
  readonly arn: pulumi.Output<string>;
  /** The table itself. */
  readonly table: aws.dynamodb.Table;

  private readonly subscriptions: ShardSubscriptions<DynamoDBStreamEvent, DynamoDBBatchResponse> | undefined;

  constructor(name: string, args: TableArgs, opts?: pulumi.ComponentResourceOptions) {
    super("Table", name, args, opts);
    this.validate(args);
    this.table = this.createTable(args);
    this.name = this.table.name;
    this.arn = this.table.arn;
    this.subscriptions = args.changes ? this.changeSubscriptions(args) : undefined;
    this.registerOutputs({ name: this.name, arn: this.arn });
  }

  /**
   * Runs `callback` for every batch of changes. Returns the function behind it.
   * @throws when the table was made without `changes: true`
   */
  onChange(name: string, args: ChangeSubscriptionArgs): Function<DynamoDBStreamEvent> {
    if (this.subscriptions) return this.subscriptions.add(name, args);
    throw argumentError(
      { noun: this.noun, name: this.componentName },
      `onChange("${name}") needs the table's changes, which it does not keep. Create it with changes: true.`,
    );
  }

  private validate(args: TableArgs): void {
    const who = { noun: this.noun, name: this.componentName };
    this.refuseUnknown(args, {
      partitionKey: true,
      sortKey: true,
      timeToLive: true,
      indexes: true,
      pointInTimeRecovery: true,
      deletionProtection: true,
      changes: true,
      failures: true,
      transform: true,
      tags: true,
    });
    const indexes = Object.keys(args.indexes ?? {}).length;
    if (indexes > MOST_INDEXES) {
      throw argumentError(who, `it has ${indexes} indexes; DynamoDB allows ${MOST_INDEXES}.`);
    }
    checkAutoname(who, "table", `${this.componentName}-table`);
  }

  private createTable(args: TableArgs): aws.dynamodb.Table {
    const partition = keyAttribute(args.partitionKey);
    const sort = args.sortKey === undefined ? undefined : keyAttribute(args.sortKey);
    const [tableArgs, opts] = applyTransform<aws.dynamodb.TableArgs>(
      args.transform?.table,
      {
        hashKey: partition.name,
        rangeKey: sort?.name,
        attributes: this.attributes(args),
        globalSecondaryIndexes: Object.entries(args.indexes ?? {}).map(indexArgs),
        billingMode: "PAY_PER_REQUEST",
        serverSideEncryption: { enabled: true },
        ttl: args.timeToLive ? { attributeName: args.timeToLive, enabled: true } : undefined,
        pointInTimeRecovery: { enabled: args.pointInTimeRecovery ?? false },
        deletionProtectionEnabled: args.deletionProtection ?? false,
        streamEnabled: args.changes,
        streamViewType: args.changes ? "NEW_AND_OLD_IMAGES" : undefined,
        tags: this.tags,
      },
      this.child({ protect: args.deletionProtection ?? false }),
    );
    return new aws.dynamodb.Table(`${this.componentName}-table`, tableArgs, opts);
  }

  private changeSubscriptions(
    args: TableArgs,
  ): ShardSubscriptions<DynamoDBStreamEvent, DynamoDBBatchResponse> {
    return new ShardSubscriptions({
      owner: this,
      tags: this.tags,
      noun: "Table subscription",
      arn: this.table.streamArn,
      reading: readingPermissions(this.table),
      failures: args.failures,
      retention: { seconds: CHANGES_KEPT_SECONDS, says: "the time that changes are kept", cure: "" },
      filterKeys: ["dynamodb", "eventName", "userIdentity"],
      filterRule:
        'a table\'s changes can be filtered on "eventName", "dynamodb" and "userIdentity": { dynamodb: { NewImage: { ... } } }.',
    });
  }

  /** Every attribute that is a key somewhere, once. */
  private attributes(args: TableArgs): { name: string; type: string }[] {
    const keys = [args, ...Object.values(args.indexes ?? {})].flatMap(({ partitionKey, sortKey }) => [
      partitionKey,
      ...(sortKey ? [sortKey] : []),
    ]);
    const types = new Map<string, string>();
    for (const key of keys) {
      const { name, type } = keyAttribute(key);
      const known = types.get(name);
      if (known !== undefined && known !== type) {
        throw argumentError(
          { noun: this.noun, name: this.componentName },
          `key attribute "${name}" is both ${known} and ${type}; give it one type.`,
        );
      }
      types.set(name, type);
    }
    return [...types].map(([name, type]) => ({ name, type }));
  }
}

const keyAttribute = (key: KeyAttribute): { name: string; type: string } =>
  typeof key === "string" ? { name: key, type: TYPES.string } : { name: key.name, type: TYPES[key.type] };

function indexArgs([name, index]: [string, TableIndex]) {
  const projection = index.projection ?? "all";
  return {
    name,
    hashKey: keyAttribute(index.partitionKey).name,
    rangeKey: index.sortKey === undefined ? undefined : keyAttribute(index.sortKey).name,
    projectionType: projection === "all" ? "ALL" : projection === "keys" ? "KEYS_ONLY" : "INCLUDE",
    nonKeyAttributes: Array.isArray(projection) ? projection : undefined,
  };
}

/**
 * What Lambda's poller needs; the streams of one table are listed under its own ARN:
 * https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-eventsourcemapping.html,
 * https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/serverless-policy-template-list.html
 */
const readingPermissions = (table: aws.dynamodb.Table): PolicyStatement[] => [
  {
    actions: ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"],
    resources: [table.streamArn],
    reason: "Lambda reads the table's changes with the function's role",
  },
  {
    actions: ["dynamodb:ListStreams"],
    resources: [pulumi.interpolate`${table.arn}/stream/*`],
    reason: "Lambda reads the table's changes with the function's role",
  },
];
