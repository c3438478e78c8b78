/**
 * Requests that a route answers with 5xx, as a metric of the function's version. A callback that throws is answered 500,
 * which Lambda counts as a success; by this metric a new version can be told from the one before it.
 *
 * Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */

export const SERVER_ERRORS = { namespace: "HttpApi", metricName: "serverErrors" } as const;

/** The line that CloudWatch makes the metric of. Pure. */
export const serverErrorLine = (now: number, dimensions: { function: string; version: string }): string =>
  JSON.stringify({
    _aws: {
      Timestamp: now,
      CloudWatchMetrics: [
        {
          Namespace: SERVER_ERRORS.namespace,
          Dimensions: [["function", "version"]],
          Metrics: [{ Name: SERVER_ERRORS.metricName, Unit: "Count" }],
        },
      ],
    },
    ...dimensions,
    [SERVER_ERRORS.metricName]: 1,
  });

/** Counts one, past `console`, which Lambda's JSON log format would put around it. */
export const countServerError = (): void => {
  const { AWS_LAMBDA_FUNCTION_NAME = "", AWS_LAMBDA_FUNCTION_VERSION = "" } = process.env;
  const dimensions = { function: AWS_LAMBDA_FUNCTION_NAME, version: AWS_LAMBDA_FUNCTION_VERSION };
  process.stdout.write(`${serverErrorLine(Date.now(), dimensions)}\n`);
};
