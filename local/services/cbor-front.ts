/**
 * A JSON service spoken to in CBOR over AWS's RPC protocol, as boto3 and the AWS CLI do with CloudWatch.
 * Source: https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html
 */
import { randomUUID } from "node:crypto";
import { CborError, decodeCbor, encodeCbor, type Tagged } from "../kit/cbor.ts";
import { accessDenied } from "./authorise.ts";
import type { Request, Response } from "./dual-server.ts";
import { missingToken, notServed, ServiceError, serializationError } from "./faults.ts";
import type { Caller, HttpService, Input, JsonService } from "./service.ts";
import { Timestamp } from "./timestamp.ts";
import { readPlainBody } from "./wire-body.ts";

const PATH = /^\/service\/([A-Za-z0-9_.]{1,128})\/operation\/([A-Za-z0-9]{1,128})$/;

/** Seconds since the epoch. */
const EPOCH_TAG = 1;

const tagged = (value: object): Tagged | undefined =>
  value instanceof Timestamp ? { tag: EPOCH_TAG, value: value.seconds } : undefined;

/** AWS's older name of a failure, which clients of its query protocol know. */
const queryCode = ({ type }: ServiceError): string => type.replace(/Exception$/, "");

export class CborFront implements HttpService {
  readonly scopes: readonly string[];
  readonly targets = [];
  readonly #service: JsonService;

  /** @param scope the service in a signature's scope */
  constructor(service: JsonService, scope: string) {
    this.#service = service;
    this.scopes = [scope];
  }

  /** @throws whatever is not the caller's fault; the endpoint answers with it. */
  async serve(request: Request, response: Response, caller: Caller): Promise<void> {
    const path = (request.url ?? "/").split("?")[0] ?? "/";
    const [, target = "", operation = ""] = PATH.exec(path) ?? [];
    if (request.headers["smithy-protocol"] !== "rpc-v2-cbor" || !this.#service.targets.includes(target))
      throw notServed(this.#service.name, `${request.method} ${path}`, "It speaks JSON and RPC with CBOR.");
    try {
      answer(response, 200, await this.#run(operation, request, caller));
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      request.resume();
      const sender = error.status < 500 ? "Sender" : "Receiver";
      response.setHeader("x-amzn-query-error", `${queryCode(error)};${sender}`);
      answer(response, error.status, { __type: error.type, message: error.message, ...error.details });
    }
  }

  async #run(operation: string, request: Request, caller: Caller): Promise<object> {
    const service = this.#service;
    if (!service.serves(operation)) throw notServed(service.name, operation);
    if (!caller.credential) throw missingToken();
    const input = read(await readPlainBody(request, service.maxBodyBytes));
    const refusal = caller.refusal(service.permissions(operation, input));
    if (refusal !== undefined) throw accessDenied(refusal);
    return service.handle(operation, input);
  }
}

/** An operation without input may send nothing at all. */
const read = (body: Buffer): Input => {
  if (body.length === 0) return {};
  try {
    const value = decodeCbor(body);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Input;
  } catch (error) {
    if (!(error instanceof CborError)) throw error;
    throw serializationError(`The request body is not valid CBOR. ${error.message}`);
  }
  throw serializationError("The request body is not a map.");
};

const answer = (response: Response, status: number, output: object): void => {
  const bytes = encodeCbor(output, tagged);
  response.statusCode = status;
  response.setHeader("content-type", "application/cbor");
  response.setHeader("content-length", bytes.length);
  response.setHeader("smithy-protocol", "rpc-v2-cbor");
  response.setHeader("x-amzn-requestid", randomUUID());
  response.end(bytes);
};
