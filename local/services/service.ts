/** What the endpoint needs of a service behind it. */

import type { Request, Response } from "./dual-server.ts";

/** A JSON object as it came over the wire: nothing about it is checked yet. */
export type Input = Record<string, unknown>;
export type Output = object;

/** What a caller must be allowed to do: one IAM action on each of the resources (ARNs, or `*`). */
export interface Permission {
  readonly action: string;
  readonly resources: readonly string[];
}

/** The account and region that the local AWS stands for. */
export interface Place {
  readonly region: string;
  /** Twelve digits. */
  readonly account: string;
}

type Decision = { readonly allowed: true } | { readonly allowed: false; readonly message: string };
/** Asked once per action and resource. An access key nobody registered is the account's owner. */
export type Authorise = (accessKeyId: string, action: string, resource: string) => Decision;

/** A service that speaks AWS JSON 1.0 or 1.1. */
export interface JsonService {
  /** Name in IAM actions and in the credential scope, e.g. `kinesis`. */
  readonly name: string;
  /** Prefixes of `X-Amz-Target`, e.g. `Kinesis_20131202`. */
  readonly targets: readonly string[];
  readonly contentType: "application/x-amz-json-1.0" | "application/x-amz-json-1.1";
  /** Largest request body, in bytes. */
  readonly maxBodyBytes: number;
  /** Whether the operation is served; anything else is answered 501. */
  serves(operation: string): boolean;
  permissions(operation: string, input: Input): readonly Permission[];
  /** @throws ServiceError for everything the caller did wrong. */
  handle(operation: string, input: Input): Output | Promise<Output>;
}

/** Who signed a request. */
export interface Credential {
  readonly accessKeyId: string;
  /** Service in the credential scope, e.g. `s3`. */
  readonly service: string;
  /** True when the signature is in the query string (a presigned URL). */
  readonly presigned: boolean;
}

/** The caller of one request. */
export interface Caller {
  /** Undefined when nobody signed the request. */
  readonly credential: Credential | undefined;
  /** Why the caller may not do all of it; undefined when it may. */
  refusal(permissions: readonly Permission[]): string | undefined;
}

/** A service that answers HTTP itself: S3 and what shares its server. */
export interface HttpService {
  /** Credential scopes it answers. */
  readonly scopes: readonly string[];
  /** Prefixes of `X-Amz-Target` it answers. */
  readonly targets: readonly string[];
  /** Answers, also when it refuses; resolves once the answer is sent. */
  serve(request: Request, response: Response, caller: Caller): Promise<void>;
}
