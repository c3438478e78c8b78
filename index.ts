/** The whole system: settings of the environment, its stacks, and what a user needs of them. */
import { createApi } from "./stacks/api.ts";
import { readSettings } from "./stacks/config.ts";
import { createLogs } from "./stacks/logs.ts";
import { createTelemetry } from "./stacks/telemetry.ts";

const settings = readSettings();
const telemetry = createTelemetry(settings);
const { api, identity, scopes: scopeNames } = createApi(settings, telemetry);
const logs = createLogs(settings, { api, lake: telemetry.lake });

/** Where everything runs. */
export const region = settings.region;
/** Send readings here: any Kinesis client, any partition key (the device's id keeps its readings in order). */
export const streamName = telemetry.stream.name;
/** Query readings here, with a token. */
export const apiUrl = api.url;
/** Get a token here with the client's id and secret. */
export const tokenEndpoint = identity.tokenEndpoint;
export const clientId = identity.clientId;
export const clientSecret = identity.clientSecret;
/** Scopes by the name that the API's description uses. */
export const scopes = scopeNames;
/** Aggregates and latest values. */
export const tableName = telemetry.readings.name;
/** Raw readings under raw/, access logs under logs/, what could not be taken under quarantine/. */
export const lakeBucketName = telemetry.lake.name;
/** Drop access logs here: combined or JSON lines, plain or gzip. */
export const logsBucketName = logs.files.name;
