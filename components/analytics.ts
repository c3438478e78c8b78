import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { Bucket } from "./bucket.ts";
import { Component, type ComponentArgs } from "./component.ts";
import { argumentError, requireRange } from "./internal/arguments.ts";

/** A table over Parquet files in folders `dt=YYYY-MM-DD/`. */
export interface AnalyticsTable {
  /** What its rows are. */
  description: string;
  /** Where its folders are, in the bucket: `curated/readings/`. */
  prefix: string;
  /** Name of each column -> its type in SQL. */
  columns: Readonly<Record<string, "string" | "double" | "int" | "bigint" | "timestamp">>;
}

export interface AnalyticsArgs extends ComponentArgs {
  /** The bucket that holds the tables' files. */
  bucket: Bucket;
  /** Tables by name: lower-case letters, digits and `_`. */
  tables: Record<string, AnalyticsTable>;
  /**
   * Gigabytes that one query may scan; a query beyond is ended. 1-10,000. Athena's price is per byte scanned.
   * @default 10
   */
  scanLimitGb?: number;
  /**
   * Days that query results are kept. 1-365.
   * @default 30
   */
  resultDays?: number;
  /**
   * Delete what the results' bucket and the workgroup hold when they are deleted.
   * @default false
   */
  forceDestroy?: boolean;
}

const DEFAULTS = { scanLimitGb: 10, resultDays: 30, firstDay: "2020-01-01" } as const;
const GIGABYTE = 1_000_000_000;
const SQL_NAME = /^[a-z][a-z0-9_]{0,127}$/;
const PARQUET = {
  inputFormat: "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
  outputFormat: "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
  serde: "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
} as const;

/**
 * SQL over a bucket's Parquet files, without a server: a Glue database with its tables, and an Athena workgroup whose
 * queries may scan so much and no more, their results encrypted and removed after a while.
 *
 * Partitions are projected from the day in the path, so a new day is there at once, nothing crawls, and a query that
 * names its days (`WHERE dt = '2026-01-31'`) reads those only. Cost driver: bytes scanned; nothing while idle.
 *
 * ```ts
 * new Analytics("sql", { bucket: lake, tables: { readings: { description, prefix: "curated/readings/", columns } } });
 * ```
 *
 * Failure path: none, it is asked by people; a query that scans too much fails with the workgroup's limit. Locally it
 * is declared only: DuckDB reads the same files.
 * Sources: https://docs.aws.amazon.com/athena/latest/ug/partition-projection.html,
 * https://docs.aws.amazon.com/athena/latest/ug/workgroups-setting-control-limits-cloudwatch.html
 */
export class Analytics extends Component {
  /** Name of the database, as SQL has it. */
  readonly database: pulumi.Output<string>;
  /** Name of the workgroup. */
  readonly workgroup: pulumi.Output<string>;
  /** Query results. */
  readonly results: Bucket;

  constructor(name: string, args: AnalyticsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("Analytics", name, args, opts);
    this.validate(args);
    this.results = this.createResults(args);
    const database = this.createDatabase();
    this.database = database.name;
    for (const [table, details] of Object.entries(args.tables))
      this.createTable(database, table, args, details);
    this.workgroup = this.createWorkgroup(args).name;
    this.registerOutputs({ database: this.database, workgroup: this.workgroup });
  }

  private validate(args: AnalyticsArgs): void {
    const who = { noun: this.noun, name: this.componentName };
    this.refuseUnknown(args, {
      bucket: true,
      tables: true,
      scanLimitGb: true,
      resultDays: true,
      forceDestroy: true,
      tags: true,
    });
    requireRange(who, "scanLimitGb", args.scanLimitGb, { minimum: 1, maximum: 10_000, unit: "GB" });
    requireRange(who, "resultDays", args.resultDays, { minimum: 1, maximum: 365, unit: "days" });
    const bad = Object.keys(args.tables).find((table) => !SQL_NAME.test(table));
    if (bad !== undefined)
      throw argumentError(who, `table "${bad}" must be lower-case letters, digits and "_".`);
  }

  private createResults(args: AnalyticsArgs): Bucket {
    return new Bucket(
      `${this.componentName}-results`,
      {
        versioning: false,
        expiration: { "": args.resultDays ?? DEFAULTS.resultDays },
        forceDestroy: args.forceDestroy ?? false,
        tags: this.tags,
      },
      { parent: this },
    );
  }

  /** Named by project and stack: people write it in SQL, where a hyphen would need quotes. */
  private createDatabase(): aws.glue.CatalogDatabase {
    const name = `${pulumi.getProject()}_${pulumi.getStack()}`.toLowerCase().replaceAll(/[^a-z0-9_]/g, "_");
    return new aws.glue.CatalogDatabase(
      `${this.componentName}-database`,
      { name, tags: this.tags },
      this.child(),
    );
  }

  private createTable(
    database: aws.glue.CatalogDatabase,
    name: string,
    { bucket }: AnalyticsArgs,
    { description, prefix, columns }: AnalyticsTable,
  ): void {
    const location = pulumi.interpolate`s3://${bucket.name}/${prefix}`;
    new aws.glue.CatalogTable(
      `${this.componentName}-${name}`,
      {
        name,
        databaseName: database.name,
        description,
        tableType: "EXTERNAL_TABLE",
        partitionKeys: [{ name: "dt", type: "string", comment: "Day, UTC" }],
        parameters: {
          EXTERNAL: "TRUE",
          classification: "parquet",
          "projection.enabled": "true",
          "projection.dt.type": "date",
          "projection.dt.format": "yyyy-MM-dd",
          "projection.dt.range": `${DEFAULTS.firstDay},NOW+1DAYS`,
          "storage.location.template": pulumi.interpolate`${location}dt=$\{dt}/`,
        },
        storageDescriptor: {
          location,
          inputFormat: PARQUET.inputFormat,
          outputFormat: PARQUET.outputFormat,
          serDeInfo: { serializationLibrary: PARQUET.serde },
          // Glue knows names in lower case only; Athena finds the files' columns by name whatever their case.
          columns: Object.entries(columns).map(([column, type]) => ({ name: column.toLowerCase(), type })),
        },
      },
      this.child(),
    );
  }

  private createWorkgroup(args: AnalyticsArgs): aws.athena.Workgroup {
    return new aws.athena.Workgroup(
      `${this.componentName}-workgroup`,
      {
        description: `Queries of ${this.componentName}`,
        forceDestroy: args.forceDestroy ?? false,
        configuration: {
          enforceWorkgroupConfiguration: true,
          publishCloudwatchMetricsEnabled: true,
          bytesScannedCutoffPerQuery: (args.scanLimitGb ?? DEFAULTS.scanLimitGb) * GIGABYTE,
          resultConfiguration: {
            outputLocation: pulumi.interpolate`s3://${this.results.name}/`,
            encryptionConfiguration: { encryptionOption: "SSE_S3" },
          },
        },
        tags: this.tags,
      },
      this.child(),
    );
  }
}
