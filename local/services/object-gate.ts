/** The part of the fauxqs front that concerns S3: who may do what, conditions, forms, presigned URLs and versions. */
import { createHash } from "node:crypto";
import { callerOf } from "./authorise.ts";
import type { Request } from "./dual-server.ts";
import { ServiceError } from "./faults.ts";
import { type AppReply, type AppRequest, bodyOf } from "./message-gate.ts";
import { readForm, writeForm } from "./post-form.ts";
import { checkPolicy } from "./post-policy.ts";
import {
  checkCondition,
  checkPost,
  checkPresigned,
  copySourceHeader,
  deletePermissions,
  putPermissions,
  readCopySource,
  readS3Request,
  type S3Request,
  s3Operation,
} from "./s3-request.ts";
import type { Authorise, Caller, Permission } from "./service.ts";
import { checkSignature, parseScope, presignedText } from "./sigv4.ts";

/** What an object is known by beside its bytes. */
interface ObjectFacts {
  readonly etag: string;
  readonly lastModified: Date;
}

export interface ObjectGateOptions {
  readonly clock: { now(): number };
  /** Undefined when there is no such object. */
  head(bucket: string, key: string): ObjectFacts | undefined;
  /** Asked for the signers of forms. @default everything is allowed */
  readonly authorise?: Authorise | undefined;
  /** The secret of an access key; of keys that have none here, signatures are not verified. */
  readonly secretOf?: ((accessKeyId: string) => string | undefined) | undefined;
}

/** An S3 request on its way. */
export interface S3Exchange {
  readonly request: S3Request;
  readonly caller: Caller;
  /** As AWS names it. */
  readonly operation: string;
}

const denied = (message: string): ServiceError => new ServiceError("AccessDenied", message, { status: 403 });

const allow = (caller: Caller, permissions: readonly Permission[]): void => {
  const message = caller.refusal(permissions);
  if (message !== undefined) throw denied(message);
};

export class ObjectGate {
  readonly #options: ObjectGateOptions;
  readonly #versioned = new Set<string>();

  constructor(options: ObjectGateOptions) {
    this.#options = options;
  }

  setVersioning(bucket: string, enabled: boolean): void {
    if (enabled) this.#versioned.add(bucket);
    else this.#versioned.delete(bucket);
  }

  /** The version of an object, of which only the current one is kept here; undefined in a bucket without versions. */
  versionOf(bucket: string, key: string): string | undefined {
    if (!this.#versioned.has(bucket)) return undefined;
    const facts = this.#options.head(bucket, key);
    if (facts === undefined) return undefined;
    const seed = JSON.stringify([bucket, key, facts.etag, facts.lastModified.getTime()]);
    return createHash("sha256").update(seed).digest("base64url").slice(0, 32);
  }

  /** Everything about a request that its body does not decide. Rewrites it to its canonical form. */
  admit(request: Request, caller: Caller): S3Exchange {
    const { credential } = caller;
    const [method, target] = [request.method ?? "GET", request.url ?? "/"];
    const host = String(request.headers.host ?? request.headers[":authority"] ?? "");
    const s3 = readS3Request(method, target, host);
    const source = request.headers["x-amz-copy-source"];
    const operation = s3Operation(s3, typeof source === "string" ? source : undefined);
    checkPost(s3, request.headers["content-type"]);
    if (credential?.presigned) {
      checkPresigned(s3.query, this.#options.clock.now());
      this.#checkPresignedSignature(request, s3);
    }
    if (!credential && operation.name !== "PostObject") throw denied("Access Denied");
    allow(caller, operation.permissions);
    this.#checkVersion(s3);
    request.url = s3.target;
    // fauxqs would take a host with dots for a bucket's.
    request.headers.host = "127.0.0.1";
    if (typeof source === "string") {
      request.headers["x-amz-copy-source"] = copySourceHeader(readCopySource(source));
    }
    // What S3 stores when there is none; fauxqs needs one to read an empty body.
    if (s3.method === "PUT") request.headers["content-type"] ??= "binary/octet-stream";
    return { request: s3, caller, operation: operation.name };
  }

  /** What only the body, or the moment of writing, decides. A form takes a moment to read. */
  check({ request: s3, caller, operation }: S3Exchange, request: AppRequest): Promise<void> | undefined {
    if (operation === "PostObject") return this.#checkForm(s3, request);
    const { method, bucket, key, query } = s3;
    const deletes = method === "POST" && key === "" && query.has("delete");
    if (deletes) allow(caller, deletePermissions(bucket, bodyOf(request).toString()));
    const completes = method === "POST" && query.has("uploadId");
    const writes = key !== "" && (completes || method === "DELETE" || method === "PUT");
    const part = query.has("uploadId") && !completes;
    const { "if-match": match, "if-none-match": noneMatch } = request.headers;
    if (!writes || part || (match === undefined && noneMatch === undefined)) return undefined;
    const current = this.#options.head(bucket, key)?.etag;
    checkCondition({ "if-match": match, "if-none-match": noneMatch }, current);
    return undefined;
  }

  /** Says which version an answer is about. */
  describe({ request }: S3Exchange, reply: AppReply): void {
    const version = request.key === "" ? undefined : this.versionOf(request.bucket, request.key);
    if (version !== undefined && !request.query.has("uploads")) reply.header("x-amz-version-id", version);
  }

  #checkPresignedSignature(request: Request, { query }: S3Request): void {
    const scope = parseScope(query.get("X-Amz-Credential") ?? "");
    const secret = this.#options.secretOf?.(scope.accessKeyId);
    if (secret === undefined) return;
    const { method = "GET", url: target = "/", headers } = request;
    const signature = query.get("X-Amz-Signature") ?? "";
    checkSignature(presignedText({ method, target, headers }), signature, secret, scope);
  }

  /** Older versions are not kept. */
  #checkVersion({ bucket, key, query }: S3Request): void {
    const asked = query.get("versionId");
    if (asked === null || asked === (this.versionOf(bucket, key) ?? "null")) return;
    throw new ServiceError("NoSuchVersion", "The specified version does not exist.", { status: 404 });
  }

  async #checkForm(s3: S3Request, request: AppRequest): Promise<void> {
    const form = await readForm(bodyOf(request), String(request.headers["content-type"]));
    const { fields, key, file } = form;
    const [policy, signature] = [fields.get("policy"), fields.get("x-amz-signature")];
    if (policy === undefined || signature === undefined) throw denied("Access Denied");
    const scope = parseScope(fields.get("x-amz-credential") ?? "");
    const secret = this.#options.secretOf?.(scope.accessKeyId);
    if (secret !== undefined) checkSignature(policy, signature, secret, scope);
    const size = file.length;
    checkPolicy(policy, { bucket: s3.bucket, key, fields, size, now: this.#options.clock.now() });
    const credential = { accessKeyId: scope.accessKeyId, service: "s3", presigned: true };
    allow(callerOf(credential, this.#options.authorise), putPermissions(s3.bucket, key));
    const { body, contentType } = writeForm(form);
    request.headers["content-type"] = contentType;
    Object.assign(request, { body });
  }
}
