/**
 * Structured logs: one JSON object a line, on standard output past `console`, which Lambda's JSON log format
 * would wrap a second time.
 *
 * Source: https://docs.aws.amazon.com/lambda/latest/dg/nodejs-logging.html
 */

type Fields = Record<string, unknown>;
export type Write = (line: string) => void;

export interface Logger {
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
  /** A logger that adds these fields to every line, e.g. `{ correlationId }`. */
  with(fields: Fields): Logger;
}

export interface LoggerOptions {
  /** The function's name. */
  service: string;
  write?: Write;
  now?: () => number;
}

/** Writes one line to standard output. */
export function writeLine(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** An error as a log can hold it: without what hangs on SDK errors (requests with their headers). */
function describeError(error: Error): Fields {
  return { name: error.name, message: error.message, stack: error.stack };
}

function replacer(_key: string, value: unknown): unknown {
  if (value instanceof Error) return describeError(value);
  return typeof value === "bigint" ? String(value) : value;
}

function toLine(entry: Fields): string {
  try {
    return JSON.stringify(entry, replacer);
  } catch {
    return JSON.stringify({ timestamp: entry.timestamp, level: entry.level, message: entry.message });
  }
}

function build(options: Required<LoggerOptions>, bound: Fields): Logger {
  const log = (level: string, message: string, fields: Fields = {}): void => {
    const timestamp = new Date(options.now()).toISOString();
    options.write(toLine({ ...bound, ...fields, timestamp, level, service: options.service, message }));
  };
  return {
    info: (message, fields) => log("INFO", message, fields),
    warn: (message, fields) => log("WARN", message, fields),
    error: (message, fields) => log("ERROR", message, fields),
    with: (fields) => build(options, { ...bound, ...fields }),
  };
}

/** A logger of one request: its lines name the correlation id, and the id that the API's access log has for it. */
export function requestLogger(logger: Logger, request: { correlationId: string; requestId: string }): Logger {
  return logger.with({ correlationId: request.correlationId, requestId: request.requestId });
}

export function createLogger(options: LoggerOptions): Logger {
  return build({ write: writeLine, now: Date.now, ...options }, {});
}
