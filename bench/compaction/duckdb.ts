/** The same job in DuckDB, on one thread, in a process of its own. Prints milliseconds. */
import { statSync } from "node:fs";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";

const [directory = "", target = ""] = process.argv.slice(2);
const COLUMNS =
  "{deviceId:'VARCHAR',metric:'VARCHAR',value:'DOUBLE',\"at\":'TIMESTAMP',eventId:'VARCHAR',correlationId:'VARCHAR',arrivedAt:'TIMESTAMP',shard:'VARCHAR',sequence:'VARCHAR',\"index\":'INTEGER'}";
const path = join(target, "duckdb.parquet");
const instance = await DuckDBInstance.create(":memory:", { threads: "1" });
const connection = await instance.connect();
await connection.run("SELECT 1");
const start = performance.now();
// Without repeats in the input, DISTINCT over whole rows is the cheapest way that DuckDB has to drop them.
await connection.run(
  `COPY (SELECT DISTINCT * FROM read_json('${directory}/*.ndjson.zst', format = 'newline_delimited', compression = 'zstd', columns = ${COLUMNS})
   ORDER BY deviceId, "at", metric) TO '${path}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 3, ROW_GROUP_SIZE 122880)`,
);
const ms = performance.now() - start;
console.log(JSON.stringify({ ms, bytes: statSync(path).size }));
