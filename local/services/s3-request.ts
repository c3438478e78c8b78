/**
 * Reading an S3 request: bucket, key and operation, in one canonical form. What is authorised here is exactly what
 * the store then sees, since the request goes on with the canonical target. Pure.
 * Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/RESTAPI.html
 */

import { ServiceError } from "./faults.ts";
import type { Permission } from "./service.ts";

export interface S3Request {
  readonly method: string;
  /** Empty for the account itself (ListBuckets). */
  readonly bucket: string;
  /** Empty for the bucket itself. */
  readonly key: string;
  readonly query: URLSearchParams;
  /** Request target in path style, everything encoded one way. */
  readonly target: string;
}

export interface S3Operation {
  /** As AWS names it, e.g. `GetObject`. */
  readonly name: string;
  readonly permissions: readonly Permission[];
}

/** In bytes. Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html */
const MAX_KEY = 1024;
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
/** `<bucket>.s3.<region>.amazonaws.com`, `<bucket>.localhost` */
const VIRTUAL_HOST = /^(.+?)\.(?:s3(?:[.-][a-z0-9-]+)?\.amazonaws\.com|localhost)(?::\d+)?$/;
/** Sub-resources and variants that are not served; fauxqs would take them for plain reads and writes. */
const NOT_SERVED = new Set([
  "accelerate",
  "acl",
  "analytics",
  "cors",
  "encryption",
  "intelligent-tiering",
  "inventory",
  "legal-hold",
  "location",
  "logging",
  "metadataInventoryTable",
  "metadataJournalTable",
  "metadataTable",
  "metrics",
  "notification",
  "object-lock",
  "ownershipControls",
  "policy",
  "policyStatus",
  "publicAccessBlock",
  "renameObject",
  "replication",
  "requestPayment",
  "restore",
  "retention",
  "select",
  "session",
  "tagging",
  "torrent",
  "versioning",
  "versions",
  "website",
]);

const bad = (code: string, message: string): ServiceError => new ServiceError(code, message);

const decode = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    throw bad("InvalidURI", "Couldn't parse the specified URI.");
  }
};

const encodeKey = (key: string): string => key.split("/").map(encodeURIComponent).join("/");

const checkNames = (bucket: string, key: string): void => {
  if (bucket === "" && key === "") return;
  if (!BUCKET.test(bucket)) throw bad("InvalidBucketName", `The specified bucket is not valid: ${bucket}`);
  if (Buffer.byteLength(key) > MAX_KEY) throw bad("KeyTooLongError", "Your key is too long");
  if (key.includes("\0")) throw bad("InvalidURI", "A key may not contain the character U+0000.");
};

/** First value of each parameter: two readers must not disagree about which of several counts. */
const canonicalQuery = (text: string): URLSearchParams => {
  const query = new URLSearchParams();
  for (const [name, value] of new URLSearchParams(text)) if (!query.has(name)) query.append(name, value);
  return query;
};

/** @throws ServiceError InvalidURI, InvalidBucketName, KeyTooLongError */
export const readS3Request = (method: string, target: string, host: string): S3Request => {
  if (!target.startsWith("/") || target.includes("#")) {
    throw bad("InvalidURI", "Couldn't parse the specified URI.");
  }
  const virtual = VIRTUAL_HOST.exec(host.toLowerCase())?.[1];
  const [path = "/", ...rest] = (virtual === undefined ? target : `/${virtual}${target}`).split("?");
  const [, rawBucket = "", ...rawKey] = path.split("/");
  const bucket = decode(rawBucket);
  const key = decode(rawKey.join("/"));
  checkNames(bucket, key);
  const query = canonicalQuery(rest.join("?"));
  // The store knows no versions; which one is asked for is checked before.
  const forwarded = new URLSearchParams([...query].filter(([name]) => name !== "versionId"));
  const search = forwarded.size === 0 ? "" : `?${forwarded}`;
  const canonical = bucket === "" ? "/" : `/${bucket}/${encodeKey(key)}`;
  return { method, bucket, key, query, target: canonical + search };
};

const arnOf = (bucket: string, key = ""): string => `arn:aws:s3:::${bucket}${key === "" ? "" : `/${key}`}`;

/** Bucket and key of `x-amz-copy-source`. @throws ServiceError InvalidArgument */
export const readCopySource = (header: string): { bucket: string; key: string } => {
  const [path = ""] = header.split("?");
  const [bucket = "", ...key] = decode(path).replace(/^\//, "").split("/");
  if (!BUCKET.test(bucket) || key.join("/") === "") {
    throw bad(
      "InvalidArgument",
      "Copy Source must mention the source bucket and key: sourcebucket/sourcekey",
    );
  }
  return { bucket, key: key.join("/") };
};

/** The header again, in the one form that the store reads the same way. */
export const copySourceHeader = ({ bucket, key }: { bucket: string; key: string }): string =>
  `/${bucket}/${encodeKey(key)}`;

const notServed = (request: S3Request, what: string): ServiceError =>
  new ServiceError("NotImplemented", `The local runtime does not serve s3:${request.method} with ?${what}.`, {
    status: 501,
  });

type Mapping = readonly [name: string, ...actions: string[]];

const bucketMapping = ({ method, query }: S3Request): Mapping | undefined => {
  if (query.has("lifecycle")) {
    if (method === "GET") return ["GetBucketLifecycleConfiguration", "GetLifecycleConfiguration"];
    if (method === "DELETE") return ["DeleteBucketLifecycle", "PutLifecycleConfiguration"];
    return ["PutBucketLifecycleConfiguration", "PutLifecycleConfiguration"];
  }
  const byMethod: Readonly<Record<string, Mapping>> = {
    GET: [query.get("list-type") === "2" ? "ListObjectsV2" : "ListObjects", "ListBucket"],
    HEAD: ["HeadBucket", "ListBucket"],
    PUT: ["CreateBucket", "CreateBucket"],
    DELETE: ["DeleteBucket", "DeleteBucket"],
    // The keys of DeleteObjects, and the policy of a form, are in the body and checked there.
    POST: [query.has("delete") ? "DeleteObjects" : "PostObject"],
  };
  return byMethod[method];
};

const objectMapping = ({ method, query }: S3Request): Mapping | undefined => {
  const upload = query.has("uploadId");
  const read = query.has("versionId") ? "GetObjectVersion" : "GetObject";
  const byMethod: Readonly<Record<string, Mapping>> = {
    GET: query.has("attributes") ? ["GetObjectAttributes", read, "GetObjectAttributes"] : ["GetObject", read],
    HEAD: ["HeadObject", read],
    PUT: [upload ? "UploadPart" : "PutObject", "PutObject"],
    DELETE: upload ? ["AbortMultipartUpload", "AbortMultipartUpload"] : ["DeleteObject", "DeleteObject"],
    POST: [query.has("uploads") ? "CreateMultipartUpload" : "CompleteMultipartUpload", "PutObject"],
  };
  return byMethod[method];
};

/** The parameter that makes a request one that is not served; empty for a POST without any. */
const unservedBy = ({ method, key, query }: S3Request): string | undefined => {
  const named = [...query.keys()].find((name) => NOT_SERVED.has(name));
  if (named !== undefined) return named;
  const reads = method === "GET" || method === "HEAD";
  if (query.has("versionId") && (!reads || key === "")) return "versionId";
  const uploads = ["uploads", "uploadId"].find((name) => query.has(name));
  if (reads) return uploads;
  return method === "POST" && key !== "" ? (uploads === undefined ? "" : undefined) : undefined;
};

const refuseUnserved = (request: S3Request): void => {
  const parameter = unservedBy(request);
  if (parameter !== undefined) throw notServed(request, parameter);
};

/**
 * The operation and what its caller must be allowed.
 * @param copySource The header `x-amz-copy-source`, if any: its object is read too.
 * @throws ServiceError NotImplemented (501) for what is not served, InvalidArgument for a bad copy source.
 */
export const s3Operation = (request: S3Request, copySource?: string): S3Operation => {
  refuseUnserved(request);
  const { method, bucket, key } = request;
  if (bucket === "") {
    if (method !== "GET") throw notServed(request, "");
    return { name: "ListBuckets", permissions: [{ action: "s3:ListAllMyBuckets", resources: ["*"] }] };
  }
  const mapping = key === "" ? bucketMapping(request) : objectMapping(request);
  if (!mapping) throw notServed(request, "");
  const [name, ...actions] = mapping;
  const permissions = actions.map((action) => ({ action: `s3:${action}`, resources: [arnOf(bucket, key)] }));
  if (copySource === undefined || method !== "PUT" || key === "") return { name, permissions };
  if (name === "UploadPart") throw notServed(request, "partNumber and a copy source");
  const source = readCopySource(copySource);
  const read = { action: "s3:GetObject", resources: [arnOf(source.bucket, source.key)] };
  return { name: "CopyObject", permissions: [read, ...permissions] };
};

/**
 * A POST to a bucket is a batch of deletes or a form, by its query and its content type together: the store goes by
 * the content type alone.
 * @throws ServiceError when the two disagree.
 */
export const checkPost = (request: S3Request, contentType = ""): void => {
  if (request.method !== "POST" || request.key !== "") return;
  const isForm = contentType.toLowerCase().includes("multipart/form-data");
  if (isForm !== request.query.has("delete")) return;
  throw bad("InvalidRequest", "A POST to a bucket is either ?delete with XML or a multipart/form-data form.");
};

/** Keys in a DeleteObjects body, decoded the way the store decodes them. */
const deletedKeys = (xml: string): string[] =>
  [...xml.matchAll(/<Key>([\s\S]*?)<\/Key>/g)].map(([, text = ""]) =>
    text
      .replaceAll("&amp;", "&")
      .replaceAll("&lt;", "<")
      .replaceAll("&gt;", ">")
      .replaceAll("&quot;", '"')
      .replaceAll("&apos;", "'"),
  );

/** Of a form, whose key is in its body. */
export const putPermissions = (bucket: string, key: string): Permission[] => {
  checkNames(bucket, key);
  return [{ action: "s3:PutObject", resources: [arnOf(bucket, key)] }];
};

export const deletePermissions = (bucket: string, xml: string): Permission[] => [
  { action: "s3:DeleteObject", resources: deletedKeys(xml).map((key) => arnOf(bucket, key)) },
];

const PRESIGNED_DATE = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/;
const WEEK_S = 604_800;

/** @throws ServiceError AccessDenied (403) for a presigned URL whose time is over, or that is not well formed. */
export const checkPresigned = (query: URLSearchParams, now: number): void => {
  const seconds = Number(query.get("X-Amz-Expires"));
  const date = query.get("X-Amz-Date") ?? "";
  const signedAt = PRESIGNED_DATE.test(date)
    ? Date.parse(date.replace(PRESIGNED_DATE, "$1-$2-$3T$4:$5:$6Z"))
    : Number.NaN;
  if (Number.isNaN(signedAt) || !Number.isInteger(seconds) || seconds < 1 || seconds > WEEK_S) {
    throw new ServiceError(
      "AuthorizationQueryParametersError",
      `X-Amz-Expires must be 1 to ${WEEK_S} seconds and X-Amz-Date of the form 20260101T000000Z.`,
    );
  }
  const expires = signedAt + seconds * 1000;
  if (now <= expires) return;
  throw new ServiceError("AccessDenied", "Request has expired", {
    status: 403,
    details: { ExpiresDate: new Date(expires).toISOString(), ServerTime: new Date(now).toISOString() },
  });
};

/** The `ETag` an object has now; undefined when there is none. */
type CurrentTag = string | undefined;

/**
 * Conditional writes. Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-requests.html
 * @throws ServiceError PreconditionFailed (412), NoSuchKey (404), NotImplemented (501)
 */
export const checkCondition = (
  headers: { "if-match"?: string | undefined; "if-none-match"?: string | undefined },
  current: CurrentTag,
): void => {
  const match = headers["if-match"];
  const noneMatch = headers["if-none-match"];
  if (noneMatch !== undefined && noneMatch !== "*") {
    throw new ServiceError("NotImplemented", "If-None-Match of a write may only be *.", { status: 501 });
  }
  if (match !== undefined && current === undefined) {
    throw new ServiceError("NoSuchKey", "The specified key does not exist.", { status: 404 });
  }
  const unquoted = (tag: string) => tag.replaceAll('"', "");
  const wrongTag =
    match !== undefined && match !== "*" && current !== undefined && unquoted(match) !== unquoted(current);
  if (wrongTag || (noneMatch === "*" && current !== undefined)) {
    throw new ServiceError(
      "PreconditionFailed",
      "At least one of the pre-conditions you specified did not hold",
      { status: 412 },
    );
  }
};
