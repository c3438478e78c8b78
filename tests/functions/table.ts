/** A table that aggregate-readings has filled. */
import { aggregateReadings } from "../../functions/aggregate-readings/handler.ts";
import { createWarmCache } from "../../functions/aggregate-readings/write.ts";
import { event, FakeDynamoDb, NOW, silent } from "./fakes.ts";

export async function tableWith(readings: unknown[]) {
  const table = new FakeDynamoDb();
  const deps = {
    table: "readings",
    client: table.client,
    cursorKey: "a secret of some length",
    now: () => NOW,
  };
  const writing = { ...deps, cache: createWarmCache(), logger: silent, emit: () => {}, emitAll: () => {} };
  await aggregateReadings(event(...readings), writing);
  return { table, deps };
}
