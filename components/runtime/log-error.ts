/**
 * An error as one line of JSON on standard output, past `console`: Lambda's JSON log format would put it inside another
 * object, and a query by `correlationId` would not find it.
 *
 * Source: https://docs.aws.amazon.com/lambda/latest/dg/nodejs-logging.html
 */
export const logError = (entry: Record<string, unknown>): void => {
  const head = { timestamp: new Date().toISOString(), level: "ERROR" };
  const line = { ...head, service: process.env.AWS_LAMBDA_FUNCTION_NAME, ...entry };
  process.stdout.write(`${JSON.stringify(line)}\n`);
};
