import * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";
import { Component, type ComponentArgs } from "./component.ts";
import { argumentError } from "./internal/arguments.ts";
import { checkAutoname } from "./internal/names.ts";
import { applyTransform, type Transform } from "./internal/transform.ts";

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
  /** The last word on the table itself. */
  transform?: { table?: Transform<aws.dynamodb.TableArgs> };
}

const TYPES = { string: "S", number: "N", binary: "B" } as const;
const MOST_INDEXES = 20;

/**
 * A DynamoDB table, paid per request, encrypted with the account's `aws/dynamodb` key.
 *
 * Cost driver: writes, then reads and bytes kept, and some KMS requests; nothing while idle.
 *
 * ```ts
 * const readings = new Table("readings", { partitionKey: "pk", sortKey: "sk", timeToLive: "expiresAt" });
 * ```
 *
 * Failure path: callers see DynamoDB's errors; writers use conditions, not locks. Locally: the same API over
 * an embedded store, expiry included.
 * Sources: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html,
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html
 */
export class Table extends Component {
  /** The table's physical name. */
  readonly name: pulumi.Output<string>;
  /** The table's ARN. */
  readonly arn: pulumi.Output<string>;
  /** The table itself. */
  readonly table: aws.dynamodb.Table;

  constructor(name: string, args: TableArgs, opts?: pulumi.ComponentResourceOptions) {
    super("Table", name, args, opts);
    this.validate(args);
    this.table = this.createTable(args);
    this.name = this.table.name;
    this.arn = this.table.arn;
    this.registerOutputs({ name: this.name, arn: this.arn });
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
        tags: this.tags,
      },
      this.child({ protect: args.deletionProtection ?? false }),
    );
    return new aws.dynamodb.Table(`${this.componentName}-table`, tableArgs, opts);
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
