/** What a stack itself bounds, with the setting that does; values come from its graph. */
import type { Quota } from "./quotas.ts";

export const SETTINGS = {
  apiThrottle: {
    what: "API: the stage's own throttle",
    unit: "requests/s",
    per: "stage",
    change: "raise apiRateLimit and apiBurstLimit, up to the account's quota",
    page: "https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-throttling.html",
  },
  shards: {
    what: "Stream: batches at once, a shard's each",
    unit: "batches",
    per: "subscriber",
    change: "a parallelization factor up to 10, more shards, or shorter work per batch",
    page: "https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html",
  },
  provisionedShards: {
    what: "Stream: its own shards",
    unit: "shards",
    per: "stream",
    change: "more streamShards, or none of them: an on-demand stream grows by itself",
    page: "https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html",
  },
  pollers: {
    what: "Queue: the mapping's maximum concurrency",
    unit: "batches",
    per: "queue",
    change: "a higher maximum, or larger batches",
    page: "https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html",
  },
  reservation: {
    what: "Lambda: the function's reserved concurrency",
    unit: "executions",
    per: "function",
    change: "reserve more",
    page: "https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html",
  },
  timeout: {
    what: "Lambda: the function's timeout",
    unit: "seconds",
    per: "function",
    change:
      "less work per invocation: smaller parts that read only what is theirs; or a machine that runs longer",
    page: "https://docs.aws.amazon.com/lambda/latest/dg/configuration-timeout.html",
  },
  cacheUnits: {
    what: "Cache: its own limit of processing units",
    unit: "units/s",
    per: "cache",
    change: "raise cacheUnitsPerSecond",
    page: "https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/Scaling.html",
  },
} as const satisfies Record<string, Omit<Quota, "value" | "kind">>;

export type SettingName = keyof typeof SETTINGS;
