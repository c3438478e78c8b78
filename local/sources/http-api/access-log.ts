/**
 * The stage's access log: its format, compiled once, and one line per request. Pure.
 *
 * Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging-variables.html (an unset
 * variable is written as "-").
 */

/** Values of `$context` variables, by name without the prefix. */
export type LogContext = Record<string, string | number | undefined>;

export type LogFormat = (context: LogContext) => string;

/** A value lands inside a quoted JSON string of the format: it must not end it, whatever a caller sends. */
const escaped = (value: string | number): string => JSON.stringify(String(value)).slice(1, -1);

const VARIABLE = /\$context\.([A-Za-z0-9_.]*[A-Za-z0-9_])/;

/** Compiles a format such as `{"status":"$context.status"}`. */
export const compileFormat = (format: string): LogFormat => {
  const parts = format.split(VARIABLE);
  return (context) =>
    parts.map((part, index) => (index % 2 === 0 ? part : escaped(context[part] ?? "-"))).join("");
};

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** Common log format, UTC: `12/Mar/2020:19:03:58 +0000`. */
export const commonLogTime = (epochMs: number): string => {
  const iso = new Date(epochMs).toISOString();
  return `${iso.slice(8, 10)}/${MONTHS[Number(iso.slice(5, 7)) - 1]}/${iso.slice(0, 4)}:${iso.slice(11, 19)} +0000`;
};
