/**
 * Failures as AWS words them on the wire: JSON for Kinesis, DynamoDB and SQS, XML for S3 and the query services.
 * Source: https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html#operation-error-serialization,
 * https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
 */

/** A failure that the caller is told about. Anything else thrown by a service is a defect and becomes a 500. */
export class ServiceError extends Error {
  override readonly name = "ServiceError";
  /** AWS's name of the failure, e.g. `ResourceNotFoundException`. */
  readonly type: string;
  /** HTTP status. */
  readonly status: number;
  /** Members beside `__type` and `message`, e.g. `CancellationReasons`. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    type: string,
    message: string,
    options: { status?: number; details?: Record<string, unknown> } = {},
  ) {
    super(message);
    this.type = type;
    this.status = options.status ?? 400;
    this.details = options.details ?? {};
  }
}

export const validationError = (message: string): ServiceError =>
  new ServiceError("ValidationException", message);

export const serializationError = (message: string): ServiceError =>
  new ServiceError("SerializationException", message);

/** 501: the operation exists at AWS but not here. */
export const notServed = (service: string, operation: string, hint = ""): ServiceError =>
  new ServiceError(
    "UnknownOperationException",
    `The local runtime does not serve ${service}:${operation}.${hint === "" ? "" : ` ${hint}`}`,
    { status: 501 },
  );

/** 400 (JSON) or 403 (XML): no usable credentials in the request. */
export const missingToken = (): ServiceError =>
  new ServiceError("MissingAuthenticationTokenException", "Request is missing Authentication Token");

const XML_ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&apos;",
};

/** XML 1.0 cannot carry control characters, even escaped: they become U+FFFD. */
const escapeXml = (text: string): string =>
  text
    .replace(/\p{Cc}/gu, (c) => ("\t\n\r".includes(c) ? c : "\ufffd"))
    .replace(/[&<>"']/g, (c) => XML_ESCAPES[c] ?? c);

export const jsonFault = (error: ServiceError): string =>
  JSON.stringify({ __type: error.type, message: error.message, ...error.details });

export const s3Fault = (error: ServiceError, requestId: string): string => {
  const details = Object.entries(error.details)
    .map(([name, value]) => `<${name}>${escapeXml(String(value))}</${name}>`)
    .join("");
  return (
    `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${escapeXml(error.type)}</Code>` +
    `<Message>${escapeXml(error.message)}</Message>${details}<RequestId>${requestId}</RequestId></Error>`
  );
};

/** Query protocol: SNS, STS. Source: https://smithy.io/2.0/aws/protocols/aws-query-protocol.html#error-serialization */
export const queryFault = (error: ServiceError, requestId: string): string =>
  `<ErrorResponse><Error><Type>${error.status < 500 ? "Sender" : "Receiver"}</Type>` +
  `<Code>${escapeXml(error.type)}</Code><Message>${escapeXml(error.message)}</Message></Error>` +
  `<RequestId>${requestId}</RequestId></ErrorResponse>`;
