/**
 * Conditional reads: an entity tag from the answer's own bytes, and 304 when the caller has them already.
 *
 * Source: https://www.rfc-editor.org/rfc/rfc9110.html#section-13.1.2 (If-None-Match, weak comparison).
 */

import { createHash } from "node:crypto";

/** A strong tag: the same bytes give the same tag in every environment and after every deployment. */
export const entityTag = (body: string): string =>
  `"${createHash("sha256").update(body).digest("base64url").slice(0, 27)}"`;

const opaque = (tag: string): string => tag.trim().replace(/^W\//, "");

/** True when `If-None-Match` names the tag (weakly compared) or is `*`. */
export const matchesTag = (ifNoneMatch: string | undefined, tag: string): boolean => {
  if (ifNoneMatch === undefined) return false;
  if (ifNoneMatch.trim() === "*") return true;
  return ifNoneMatch.split(",").some((candidate) => opaque(candidate) === opaque(tag));
};

/** `private` for an answer that needed a token: a shared cache must not hand it to another caller. */
export const cacheControl = (seconds: number, authorised: boolean): string => {
  if (seconds === 0) return "no-cache";
  return `${authorised ? "private" : "public"}, max-age=${seconds}`;
};
