/**
 * Page cursors: opaque, tamper-proof, and good for the query that gave them alone.
 *
 * A cursor is the position as base64url JSON and, after a dot, 128 bits of HMAC-SHA-256 over the query and the
 * position. So a client can neither read on from a position of its own making nor carry one to another query.
 */
import { createHmac, timingSafeEqual } from "node:crypto";

const MAC_BYTES = 16;
const MAX_LENGTH = 1024;
const MIN_KEY_LENGTH = 16;

/** What a cursor belongs to: the route and its parameters, without cursor and limit. */
export type CursorContext = readonly (string | undefined)[];

function mac(key: string, context: CursorContext, payload: string): Buffer {
  if (key.length < MIN_KEY_LENGTH)
    throw new Error(`cursorKey must have at least ${MIN_KEY_LENGTH} characters.`);
  const bound = JSON.stringify([...context.map((part) => part ?? null), payload]);
  return createHmac("sha256", key).update(bound).digest().subarray(0, MAC_BYTES);
}

/** @param position JSON-like, small. */
export function sealCursor(key: string, context: CursorContext, position: unknown): string {
  const payload = Buffer.from(JSON.stringify(position)).toString("base64url");
  return `${payload}.${mac(key, context, payload).toString("base64url")}`;
}

/** The position that was sealed; undefined when this is no cursor of this query. */
export function openCursor<Position>(
  key: string,
  context: CursorContext,
  cursor: string,
): Position | undefined {
  if (cursor.length > MAX_LENGTH) return undefined;
  const [payload, signature, ...rest] = cursor.split(".");
  if (payload === undefined || signature === undefined || rest.length > 0) return undefined;
  const given = Buffer.from(signature, "base64url");
  if (given.length !== MAC_BYTES || !timingSafeEqual(given, mac(key, context, payload))) return undefined;
  return JSON.parse(Buffer.from(payload, "base64url").toString()) as Position;
}

/** Where a page of names starts: after this one, "" for the first page, undefined when the cursor is not this query's. */
export function startAfter(key: string, context: CursorContext, cursor: unknown): string | undefined {
  if (cursor === undefined) return "";
  return typeof cursor === "string" ? openCursor<string>(key, context, cursor) : undefined;
}
