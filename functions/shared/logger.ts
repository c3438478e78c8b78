/**
 * Structured logs: one JSON object a line, by Powertools for AWS Lambda.
 *
 * Written to standard output past `console`, which Lambda's JSON log format would wrap a second time.
 *
 * Sources: https://docs.aws.amazon.com/powertools/typescript/latest/features/logger/,
 * https://docs.aws.amazon.com/lambda/latest/dg/nodejs-logging.html
 */
import { LogFormatter, LogItem, Logger as Powertools } from "@aws-lambda-powertools/logger";
import type { LogAttributes, UnformattedAttributes } from "@aws-lambda-powertools/logger/types";

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

function powertools({ service, write = writeLine, now = Date.now }: LoggerOptions): Powertools {
  class Formatter extends LogFormatter {
    override formatAttributes({ logLevel: level, message }: UnformattedAttributes, fields: LogAttributes) {
      const timestamp = new Date(now()).toISOString();
      return new LogItem({ attributes: { ...fields, timestamp, level, service, message } });
    }

    /** Without what hangs on SDK errors (requests with their headers). */
    override formatError({ name, message, stack }: Error) {
      return { name, message, stack };
    }
  }
  /** Powertools' own console would send warnings and errors to standard error. */
  class LineLogger extends Powertools {
    protected override printLog(_level: number, item: LogItem): void {
      item.prepareForPrint();
      write(JSON.stringify(item.getAttributes(), this.getJsonReplacer()));
    }
  }
  return new LineLogger({ serviceName: service, logFormatter: new Formatter() });
}

/** Fields go with each call: a child logger would merge arrays of the same name item by item. */
function bind(logger: Powertools, bound: Fields): Logger {
  return {
    info: (message, fields) => logger.info(message, { ...bound, ...fields }),
    warn: (message, fields) => logger.warn(message, { ...bound, ...fields }),
    error: (message, fields) => logger.error(message, { ...bound, ...fields }),
    with: (fields) => bind(logger, { ...bound, ...fields }),
  };
}

/** A logger of one request: its lines name the correlation id, and the id that the API's access log has for it. */
export function requestLogger(logger: Logger, request: { correlationId: string; requestId: string }): Logger {
  return logger.with({ correlationId: request.correlationId, requestId: request.requestId });
}

export function createLogger(options: LoggerOptions): Logger {
  return bind(powertools(options), {});
}
