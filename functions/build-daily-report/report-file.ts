/** The Parquet file of a day's report. */
import { closeSync, openSync, writeSync } from "node:fs";
import { parseInstant } from "../shared/instant.ts";
import { DoubleColumn, InstantColumn, IntegerColumn, TextColumn } from "../shared/parquet/columns.ts";
import { ParquetWriter } from "../shared/parquet/writer.ts";
import type { SeriesReport } from "../shared/report.ts";

const ROW_GROUP = 20_000;

export class ReportFile {
  readonly #texts = [new TextColumn("deviceId", ROW_GROUP), new TextColumn("metric", ROW_GROUP)] as const;
  readonly #counts = (["count", "gaps", "repeats"] as const).map(
    (name) => new IntegerColumn(name, ROW_GROUP),
  );
  readonly #values = (["min", "max", "mean", "p50", "p95", "longestIntervalSeconds"] as const).map(
    (name) => new DoubleColumn(name, ROW_GROUP),
  );
  readonly #times = (["firstAt", "lastAt"] as const).map((name) => new InstantColumn(name, ROW_GROUP));
  readonly #writer: ParquetWriter;
  readonly #file: number;
  #rows = 0;

  constructor(path: string) {
    this.#file = openSync(path, "wx", 0o600);
    const columns = [...this.#texts, ...this.#counts, ...this.#values, ...this.#times];
    this.#writer = new ParquetWriter(columns, (bytes) => {
      for (let written = 0; written < bytes.length; ) written += writeSync(this.#file, bytes, written);
    });
  }

  push(report: SeriesReport): void {
    for (const column of this.#texts) {
      const bytes = Buffer.from(report[column.name as "metric"]);
      column.push(bytes, 0, bytes.length);
    }
    for (const column of [...this.#counts, ...this.#values]) column.push(report[column.name as "count"]);
    for (const column of this.#times) column.push(parseInstant(report[column.name as "firstAt"]));
    if (++this.#rows === ROW_GROUP) this.#endGroup();
  }

  finish(): void {
    this.#endGroup();
    this.#writer.finish();
    closeSync(this.#file);
  }

  #endGroup(): void {
    this.#writer.endGroup(this.#rows);
    this.#rows = 0;
  }
}
