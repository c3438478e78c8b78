/**
 * What a function returned -> HTTP response, payload format 2.0. Pure.
 *
 * Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
 * (valid JSON without a `statusCode` is the body of a 200 with application/json).
 */

export interface GatewayResponse {
  status: number;
  headers: Record<string, string>;
  cookies: string[];
  body: Buffer;
}

/** Headers that the gateway sets itself or that belong to the connection. */
const OWN_HEADERS = new Set([
  "apigw-requestid",
  "connection",
  "content-length",
  "date",
  "keep-alive",
  "transfer-encoding",
  "upgrade",
]);

const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: a header value must have none.
const HEADER_VALUE = /^[^\u0000-\u0008\u000a-\u001f\u007f]*$/;

const DEFAULT_TYPE = "text/plain;charset=UTF-8";

/** The gateway's own answer, e.g. `{"message":"Not Found"}`. */
export const gatewayMessage = (
  status: number,
  message: string,
  headers: Record<string, string> = {},
): GatewayResponse => ({
  status,
  headers: { "content-type": "application/json", ...headers },
  cookies: [],
  body: Buffer.from(JSON.stringify({ message })),
});

const isScalar = (value: unknown): value is string | number | boolean =>
  ["string", "number", "boolean"].includes(typeof value);

type Fields = Record<string, unknown>;

const statusOf = (value: unknown): number | undefined => {
  const status = typeof value === "string" && /^\d{3}$/.test(value) ? Number(value) : value;
  return Number.isInteger(status) && (status as number) >= 200 && (status as number) <= 599
    ? (status as number)
    : undefined;
};

const headersOf = (value: unknown): Record<string, string> | undefined => {
  if (value === undefined || value === null) return {};
  if (typeof value !== "object" || Array.isArray(value)) return undefined;
  const entries = Object.entries(value).filter(([name]) => !OWN_HEADERS.has(name.toLowerCase()));
  const valid = entries.every(
    ([name, text]) => isScalar(text) && HEADER_NAME.test(name) && HEADER_VALUE.test(String(text)),
  );
  return valid
    ? Object.fromEntries(entries.map(([name, text]) => [name.toLowerCase(), String(text)]))
    : undefined;
};

const cookiesOf = (value: unknown): string[] | undefined => {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) return undefined;
  const valid = value.every((cookie) => typeof cookie === "string" && HEADER_VALUE.test(cookie));
  return valid ? value : undefined;
};

const bodyOf = (fields: Fields): Buffer | undefined => {
  const { body = "", isBase64Encoded } = fields;
  if (body === null) return Buffer.alloc(0);
  if (!isScalar(body)) return undefined;
  return Buffer.from(String(body), isBase64Encoded === true ? "base64" : "utf8");
};

const structured = (fields: Fields): GatewayResponse | undefined => {
  const status = statusOf(fields.statusCode);
  const headers = headersOf(fields.headers);
  const cookies = cookiesOf(fields.cookies);
  const body = bodyOf(fields);
  if (status === undefined || headers === undefined || cookies === undefined || body === undefined)
    return undefined;
  return { status, headers: { "content-type": DEFAULT_TYPE, ...headers }, cookies, body };
};

const inferred = (value: unknown, text: string): GatewayResponse => ({
  status: 200,
  headers: { "content-type": "application/json" },
  cookies: [],
  body: Buffer.from(typeof value === "string" ? value : text),
});

const parse = (text: string): { value: unknown } | undefined => {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
};

/**
 * The response for a function's result; undefined for one that API Gateway answers with 500: broken JSON, a status or
 * header that HTTP does not know (a line break in a value included), a body that is not text.
 */
export const toResponse = (payload: string): GatewayResponse | undefined => {
  const parsed = parse(payload);
  if (parsed === undefined) return undefined;
  const { value } = parsed;
  const hasStatus = typeof value === "object" && value !== null && "statusCode" in value;
  return hasStatus ? structured(value as Fields) : inferred(value, payload);
};
