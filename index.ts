/** The whole system: settings of the environment, its stacks, and what a user needs of them. */
import { createApi } from "./stacks/api.ts";
import { readSettings } from "./stacks/config.ts";
import { createEtl } from "./stacks/etl.ts";
import { createImages } from "./stacks/images.ts";
import { createLogs } from "./stacks/logs.ts";
import { createObservability } from "./stacks/observability.ts";
import { createOrders } from "./stacks/orders.ts";
import { createTelemetry } from "./stacks/telemetry.ts";

const settings = readSettings();
const { dashboardUrl: dashboard } = createObservability(settings);
const telemetry = createTelemetry(settings);
const { api, identity, scopes: scopeNames, cursorKey } = createApi(settings, telemetry);
createImages(settings, { api });
const orders = createOrders(settings, { api, failures: telemetry.failures });
const etl = createEtl(settings, { api, cursorKey, lake: telemetry.lake });
const logs = createLogs(settings, { api, lake: telemetry.lake });

/** Where everything runs, and where it is seen. */
export const [region, dashboardUrl] = [settings.region, dashboard];
/** Send readings here: any Kinesis client (partition key: the device's id), or MQTT to devices/{deviceId}/telemetry. */
export const [streamName, mqttUrl] = [telemetry.stream.name, telemetry.topic.url];
/** Query readings here, with a token. */
export const apiUrl = api.url;
/** Get a token here with the client's id and secret. */
export const { tokenEndpoint, clientId, clientSecret } = identity;
/** Scopes by the name that the API's description uses. */
export const scopes = scopeNames;
/** Aggregates and latest values; and the lake: raw/ readings, logs/ of access, quarantine/ for what was neither. */
export const [tableName, lakeBucketName] = [telemetry.readings.name, telemetry.lake.name];
/** Drop access logs here: combined or JSON lines, plain or gzip. */
export const logsBucketName = logs.files.name;
/** Orders are events here: OrderPlaced, OrderFulfilled. */
export const orderBusName = orders.bus.name;
/** Send `{ "from": "2026-01-31T12", "to": "2026-01-31" }` here to compact hours or days of the lake (again). */
export const compactionQueueUrl = etl.backfills.url;
/** SQL over the lake: database and workgroup in Athena. */
export const athena = { database: etl.analytics.database, workgroup: etl.analytics.workgroup };
