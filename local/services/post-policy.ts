/**
 * What a POST form may upload: the policy that its signer wrote. Pure.
 * Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
 */
import { ServiceError } from "./faults.ts";

/** The form's fields before the file, by lower-cased name. */
export type FormFields = ReadonlyMap<string, string>;

export interface PolicyRequest {
  bucket: string;
  /** With `${filename}` filled in. */
  key: string;
  fields: FormFields;
  /** Bytes of the file. */
  size: number;
  /** Milliseconds since the epoch. */
  now: number;
}

interface Policy {
  expiration: number;
  conditions: unknown[];
}

/** Fields that need no condition. */
const FREE = new Set(["x-amz-signature", "policy", "file", "bucket"]);

const invalid = (why: string): ServiceError =>
  new ServiceError("InvalidPolicyDocument", `Invalid Policy: ${why}`);
const refused = (why: string): ServiceError =>
  new ServiceError("AccessDenied", `Invalid according to Policy: ${why}`, { status: 403 });

const parse = (encoded: string): Policy => {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(encoded, "base64").toString());
  } catch {
    throw invalid("Invalid JSON.");
  }
  const { expiration, conditions } = (value ?? {}) as Record<string, unknown>;
  const at = typeof expiration === "string" ? Date.parse(expiration) : Number.NaN;
  if (Number.isNaN(at)) throw invalid("Invalid 'expiration' value.");
  if (!Array.isArray(conditions)) throw invalid("Invalid 'conditions' value: must be a List.");
  return { expiration: at, conditions };
};

/** A condition as `[operator, field, operand]`. */
type Condition = [operator: string, field: unknown, operand: unknown];

const normalise = (condition: unknown): Condition[] => {
  if (Array.isArray(condition) && condition.length === 3) {
    return [[String(condition[0]).toLowerCase(), condition[1], condition[2]]];
  }
  if (typeof condition === "object" && condition !== null && !Array.isArray(condition)) {
    return Object.entries(condition).map(([field, value]) => ["eq", `$${field}`, value]);
  }
  throw invalid("Invalid Simple-Condition: must be an object or a list of three.");
};

const fieldOf = (reference: unknown): string => {
  if (typeof reference === "string" && reference.startsWith("$")) return reference.slice(1).toLowerCase();
  throw invalid("Invalid Condition: a field is named with a leading $.");
};

const checkSize = (minimum: unknown, maximum: unknown, size: number): void => {
  const [least, most] = [Number(minimum), Number(maximum)];
  if (!(least >= 0 && most >= least)) throw invalid("Invalid content-length-range.");
  const details = { ProposedSize: size };
  if (size > most) {
    throw new ServiceError("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size", {
      details: { ...details, MaxSizeAllowed: most },
    });
  }
  if (size < least) {
    throw new ServiceError(
      "EntityTooSmall",
      "Your proposed upload is smaller than the minimum allowed size",
      {
        details: { ...details, MinSizeAllowed: least },
      },
    );
  }
};

const textOf = (field: string, { bucket, key, fields }: PolicyRequest): string => {
  if (field === "bucket") return bucket;
  return field === "key" ? key : (fields.get(field) ?? "");
};

const holds = (operator: string, value: string, operand: unknown): boolean => {
  if (operator === "eq") return value === String(operand);
  if (operator === "starts-with") return value.startsWith(String(operand));
  throw invalid(`Unknown operator ${operator}.`);
};

/** @returns the field it is about */
const checkCondition = ([operator, reference, operand]: Condition, request: PolicyRequest): string => {
  if (operator === "content-length-range") {
    checkSize(reference, operand, request.size);
    return "";
  }
  const field = fieldOf(reference);
  if (holds(operator, textOf(field, request), operand)) return field;
  throw refused(`Policy Condition failed: ${JSON.stringify([operator, reference, operand])}`);
};

/**
 * @param encoded the policy as the form holds it, base64
 * @throws ServiceError AccessDenied (403) when it is over or a condition fails, EntityTooLarge or EntityTooSmall (400)
 * for the file's size, InvalidPolicyDocument (400)
 */
export const checkPolicy = (encoded: string, request: PolicyRequest): void => {
  const { expiration, conditions } = parse(encoded);
  if (expiration < request.now) throw refused("Policy expired.");
  // Everything about the fields before the size: a form that may not be sent is refused as such.
  const all = conditions.flatMap(normalise);
  const isSize = ([operator]: Condition) => operator === "content-length-range";
  const named = new Set(
    [...all.filter((each) => !isSize(each)), ...all.filter(isSize)].map((each) =>
      checkCondition(each, request),
    ),
  );
  const extra = [...request.fields.keys()].filter(
    (field) => !FREE.has(field) && !field.startsWith("x-ignore-") && !named.has(field),
  );
  if (extra.length > 0) throw refused(`Extra input fields: ${extra.join(", ")}`);
};
