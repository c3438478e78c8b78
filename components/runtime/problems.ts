/**
 * Problem details for HTTP APIs (RFC 9457): what is wrong, all of it at once, and never an internal detail.
 *
 * Source: https://www.rfc-editor.org/rfc/rfc9457.html (members, the `errors` extension with JSON pointers).
 */

/** One thing that is wrong: in a path or query parameter, or at a place in the body. */
export type ProblemError =
  | { parameter: string; detail: string }
  | { /** JSON pointer as a URI fragment, e.g. `#/readings/0/value`. */ pointer: string; detail: string };

/** A problem as data: what a callback may return beside a status. */
export interface Problem {
  /** Short and the same for every occurrence, e.g. "Device not found". */
  title: string;
  /** This occurrence, with the cure where there is one. */
  detail?: string;
  errors?: ProblemError[];
}

/** The part of an Ajv error that is read here. */
export interface SchemaError {
  instancePath: string;
  keyword: string;
  params: Record<string, unknown>;
  message?: string;
}

/** Longest list of errors in one body; a hostile body must not buy an answer larger than itself. */
const MAX_ERRORS = 50;

/** Longest pattern that is shown, in characters. */
const MAX_PATTERN = 60;

const escapePointer = (key: string): string => key.replaceAll("~", "~0").replaceAll("/", "~1");

const unescapePointer = (key: string): string => key.replaceAll("~1", "/").replaceAll("~0", "~");

/** The property that an error names beside its own place: the missing one or the one too many. */
const namedProperty = ({ keyword, params }: SchemaError): string | undefined => {
  if (keyword === "required" || keyword === "dependentRequired") return String(params.missingProperty);
  if (keyword === "additionalProperties") return String(params.additionalProperty);
  if (keyword === "unevaluatedProperties") return String(params.unevaluatedProperty);
  return undefined;
};

const DETAILS: Record<string, (params: Record<string, unknown>) => string> = {
  required: () => "is required",
  dependentRequired: ({ property }) => `is required together with "${property}"`,
  additionalProperties: () => "is not known here",
  unevaluatedProperties: () => "is not known here",
  enum: ({ allowedValues }) => `must be one of ${(allowedValues as unknown[]).join(", ")}`,
  // A date's pattern has 300 characters: nobody is helped by reading it.
  pattern: ({ pattern }) =>
    String(pattern).length > MAX_PATTERN ? "is not of the expected form" : `must match ${pattern}`,
  const: ({ allowedValue }) => `must be ${JSON.stringify(allowedValue)}`,
};

const detailOf = (error: SchemaError): string =>
  DETAILS[error.keyword]?.(error.params) ?? error.message ?? `breaks the rule "${error.keyword}"`;

const placeOf = (error: SchemaError): string => {
  const property = namedProperty(error);
  return property === undefined ? error.instancePath : `${error.instancePath}/${escapePointer(property)}`;
};

/** The same place is often reported by `anyOf` and by each of its branches: one line each is enough. */
const distinct = <T extends object>(errors: T[]): T[] => [
  ...new Map(errors.map((error) => [JSON.stringify(error), error])).values(),
];

const bounded = <T extends object>(errors: T[]): T[] => distinct(errors).slice(0, MAX_ERRORS);

/** Schema errors of a path or a query, by parameter name. */
export const parameterErrors = (errors: readonly SchemaError[]): ProblemError[] =>
  bounded(
    errors.map((error) => ({
      parameter: unescapePointer(placeOf(error).split("/")[1] ?? ""),
      detail: detailOf(error),
    })),
  );

/** Schema errors of a body, by JSON pointer. */
export const pointerErrors = (errors: readonly SchemaError[]): ProblemError[] =>
  bounded(errors.map((error) => ({ pointer: `#${placeOf(error)}`, detail: detailOf(error) })));

/** Thrown inside the wrapper to end a request with a problem; a callback returns its problems as data instead. */
export class ProblemResponse extends Error {
  readonly status: number;
  readonly problem: Problem;

  constructor(status: number, problem: Problem) {
    super(problem.title);
    this.name = "ProblemResponse";
    this.status = status;
    this.problem = problem;
  }
}

/** The body to send: `type` stays about:blank (the title says it), `instance` is the request's path. */
export const problemBody = (
  status: number,
  problem: Problem,
  request: { instance: string; correlationId: string },
): Record<string, unknown> => ({
  type: "about:blank",
  title: problem.title,
  status,
  ...(problem.detail === undefined ? {} : { detail: problem.detail }),
  instance: request.instance,
  correlationId: request.correlationId,
  ...(problem.errors === undefined ? {} : { errors: problem.errors }),
});
