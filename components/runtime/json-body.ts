/**
 * The request body: bytes -> JSON, with everything that an attacker controls bounded first.
 */

import { ProblemResponse } from "./problems.ts";

/** Deepest nesting of arrays and objects accepted; nothing this system defines is deeper than 6. */
const MAX_DEPTH = 32;

/** Characters of a media type that an answer repeats. */
const LONGEST_TYPE = 80;

/** Keys that turn into a prototype when a careless line of code copies them. */
const UNSAFE_KEYS = new Set(["__proto__", "constructor", "prototype"]);

export const isUnsafeKey = (key: string): boolean => UNSAFE_KEYS.has(key);

export interface BodyLimits {
  /** Largest body, in bytes after base64. */
  maxBody: number;
  /**
   * What happens to `__proto__`, `constructor` and `prototype` keys: `refuse` answers 400, `keep` hands them over as
   * the plain own properties that JSON.parse makes, for a callback that judges item by item.
   */
  unsafeKeys: "refuse" | "keep";
}

export interface RawBody {
  body?: string | undefined;
  isBase64Encoded?: boolean | undefined;
  contentType?: string | undefined;
}

const JSON_TYPE = /^application\/(?:[a-z0-9.!#$&^_+-]+\+)?json$/i;

const badBody = (detail: string, pointer = "#"): ProblemResponse =>
  new ProblemResponse(400, { title: "The body is not valid", errors: [{ pointer, detail }] });

/** A header's value as an answer may repeat it. */
const readable = (text: string): string => JSON.stringify(text.trim().slice(0, LONGEST_TYPE));

const checkContentType = (contentType: string | undefined): void => {
  const [type = ""] = (contentType ?? "").split(";");
  if (JSON_TYPE.test(type.trim())) return;
  throw new ProblemResponse(415, {
    title: "Unsupported media type",
    detail: `Send the body as application/json${contentType === undefined ? "" : `, not as ${readable(type)}`}.`,
  });
};

/** The size is known before anything is decoded, so that an oversized body costs nothing. */
const checkSize = (raw: RawBody, maxBody: number): void => {
  const text = raw.body ?? "";
  const size = raw.isBase64Encoded ? Buffer.byteLength(text, "base64") : Buffer.byteLength(text);
  if (size <= maxBody) return;
  throw new ProblemResponse(413, {
    title: "The body is too large",
    detail: `The body has ${size} bytes, this route takes at most ${maxBody}.`,
  });
};

const decode = (raw: RawBody): string => {
  if (!raw.isBase64Encoded) return raw.body ?? "";
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.from(raw.body ?? "", "base64"));
  } catch {
    throw badBody("is not valid UTF-8");
  }
};

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch (error) {
    // The engine's message quotes the input; only the position is worth repeating.
    const position = /at position (\d+)/.exec((error as Error).message)?.[1];
    throw badBody(`is not valid JSON${position === undefined ? "" : ` at position ${position}`}`);
  }
};

const isContainer = (value: unknown): value is object => typeof value === "object" && value !== null;

const refuseUnsafeKeys = (container: object): void => {
  const unsafe = Object.keys(container).find(isUnsafeKey);
  if (unsafe !== undefined) throw badBody(`has a key "${unsafe}", which is refused`);
};

/** Level by level, not by recursion: a body nested a million deep must not exhaust the stack. */
const checkShape = (root: unknown, unsafeKeys: BodyLimits["unsafeKeys"]): void => {
  let level = [root].filter(isContainer);
  for (let depth = 1; level.length > 0; depth += 1) {
    if (depth > MAX_DEPTH) throw badBody(`is nested more than ${MAX_DEPTH} deep`);
    if (unsafeKeys === "refuse") level.forEach(refuseUnsafeKeys);
    level = level.flatMap((container) => Object.values(container).filter(isContainer));
  }
};

/**
 * Parses a required JSON body.
 *
 * @throws ProblemResponse 400 (missing, not UTF-8, not JSON, too deep, unsafe key), 413 (too large), 415 (not JSON's type)
 */
export const parseBody = (raw: RawBody, limits: BodyLimits): unknown => {
  checkSize(raw, limits.maxBody);
  if (raw.body === undefined || raw.body === "") throw badBody("is required");
  checkContentType(raw.contentType);
  const value = parse(decode(raw));
  checkShape(value, limits.unsafeKeys);
  return value;
};
