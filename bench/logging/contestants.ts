/**
 * What is compared: functions that write one line and one metric per invocation, bundled as the program's are. Each has
 * a client of the SDK besides, as nearly all of the program's have: what both load is loaded once.
 */
import { join } from "node:path";
import { Bundler } from "../../components/packaging/bundle.ts";
import { PROJECT } from "../shared/system.ts";

export const NEITHER = "neither";
export const OURS = "functions/shared";
export const POWERTOOLS = "Powertools";

const CLIENT = `
    import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
    export const client = new DynamoDBClient({});`;

const CODES: Record<string, string> = {
  [NEITHER]: "export const handler = async () => {};",
  [OURS]: `
    import { createLogger } from "../../functions/shared/logger.ts";
    import { emitMetrics } from "../../functions/shared/metrics.ts";
    const logger = createLogger({ service: "place-order" });
    export const handler = async ({ correlationId, orderId }) => {
      logger.with({ correlationId }).info("order placed", { orderId, totalCents: 16895 });
      emitMetrics("place-order", { ordersPlaced: 1 });
    };`,
  [POWERTOOLS]: `
    import { Logger } from "@aws-lambda-powertools/logger";
    import { Metrics } from "@aws-lambda-powertools/metrics";
    const logger = new Logger({ serviceName: "place-order" });
    const metrics = new Metrics({ namespace: "Telemetry", serviceName: "place-order" });
    export const handler = async ({ correlationId, orderId }) => {
      logger.setCorrelationId(correlationId);
      logger.info("order placed", { orderId, totalCents: 16895 });
      metrics.addMetric("ordersPlaced", "Count", 1);
      metrics.publishStoredMetrics();
    };`,
};

export const NAMES = Object.keys(CODES);

/** Each contestant's bundle, by name. @param storage a folder for the bundler's cache */
export async function bundles(storage: string): Promise<Map<string, Uint8Array>> {
  const bundler = new Bundler(PROJECT, storage);
  const built = NAMES.map(async (name, index) => {
    const id = `slice:logging-${index}`;
    const { code } = await bundler.add({
      key: `logging-${index}`,
      functionName: name,
      code: `export { client, handler } from "${id}";`,
      modules: new Map([
        [id, { file: join(import.meta.dirname, "contestants.ts"), code: `${CLIENT}${CODES[name]}` }],
      ]),
      natives: [],
    });
    return [name, code] as const;
  });
  return new Map(await Promise.all(built));
}
