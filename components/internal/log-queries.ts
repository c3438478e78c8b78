/**
 * What is asked of the logs again and again, in the language of CloudWatch Logs Insights. The fields are those of
 * functions/shared/logger.ts, of Lambda's JSON log format, and of the API's access log.
 * Sources: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html,
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax-Filter.html,
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_AnalyzeLogData-discoverable-fields.html,
 * https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html
 */

export interface LogQuery {
  /** Whose lines it reads. */
  of: "everything" | "functions" | "access logs";
  lines: readonly string[];
}

/** By name: also what the runbook and the alarms call them. */
export const LOG_QUERIES: Readonly<Record<string, LogQuery>> = {
  "by-correlation-id": {
    of: "everything",
    lines: [
      "fields @timestamp, coalesce(service, routeKey) as what, level, message, status, @log",
      '| filter correlationId = "PUT THE ID HERE" or requestId = "PUT THE ID HERE"',
      // Lines about batches name up to ten in `correlationIds`; Insights makes a field of each element, which `in` cannot name.
      '  or @message like /"PUT THE ID HERE"/',
      "| sort @timestamp asc",
      "| limit 1000",
    ],
  },
  "errors-by-function": {
    of: "functions",
    lines: [
      'filter level = "ERROR" or (type = "platform.report" and record.status != "success")',
      "| fields coalesce(errorType, message.errorType, message, record.errorType, record.status) as error",
      "| stats count(*) as times, min(@timestamp) as first, max(@timestamp) as last by @log, error",
      "| sort times desc",
    ],
  },
  "slowest-invocations": {
    of: "functions",
    lines: [
      'filter type = "platform.report"',
      "| fields @log, record.requestId as request, record.metrics.durationMs as ms,",
      "  record.metrics.maxMemoryUsedMB as usedMB, record.metrics.memorySizeMB as ofMB, record.status as status",
      "| sort ms desc",
      "| limit 50",
    ],
  },
  "cold-starts": {
    of: "functions",
    lines: [
      'filter type = "platform.report"',
      "| stats count(*) as runs, count(record.metrics.initDurationMs) as starts,",
      "  avg(record.metrics.initDurationMs) as meanMs, pct(record.metrics.initDurationMs, 99) as p99Ms by @log",
      "| filter starts > 0",
      "| sort starts desc",
    ],
  },
  quarantined: {
    of: "functions",
    lines: [
      "fields @timestamp, message, key, lines, quarantined, correlationId, @log",
      "| filter message like /quarantined|rejected/",
      "| sort @timestamp desc",
      "| limit 200",
    ],
  },
  "api-server-errors": {
    of: "access logs",
    lines: [
      "fields @timestamp, routeKey, path, status, functionStatus, integrationErrorMessage, responseLatency, requestId",
      "| filter status like /^5/",
      "| sort @timestamp desc",
      "| limit 200",
    ],
  },
};

/** The query as Logs Insights takes it. */
export const queryText = ({ lines }: LogQuery): string => lines.join("\n");
