/**
 * An error as one line of JSON on standard output, past `console`: Lambda's JSON log format would put it inside another
 * object, and a query by `correlationId` would not find it.
 *
 * Source: https://docs.aws.amazon.com/lambda/latest/dg/nodejs-logging.html
 */

/** The line of an entry. Pure. */
export const errorLine = (
  entry: Record<string, unknown>,
  { now, service }: { now: number; service: string | undefined },
): string => JSON.stringify({ ...entry, timestamp: new Date(now).toISOString(), level: "ERROR", service });

/** Writes an entry under the function's name. */
export const logError = (entry: Record<string, unknown>): void => {
  const line = errorLine(entry, { now: Date.now(), service: process.env.AWS_LAMBDA_FUNCTION_NAME });
  process.stdout.write(`${line}\n`);
};
