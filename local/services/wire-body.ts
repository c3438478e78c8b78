/** A request's body, unpacked: clients send large figures and logs as gzip. */
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { BodyTooLargeError, readBody } from "../kit/server.ts";
import type { Request } from "./dual-server.ts";
import { serializationError } from "./faults.ts";

const unzip = promisify(gunzip);

/**
 * The body without its content encoding.
 * @param limit most bytes, packed and unpacked
 * @throws BodyTooLargeError, ServiceError SerializationException for what is not gzip
 */
export const readPlainBody = async (request: Request, limit: number): Promise<Buffer> => {
  const body = await readBody(request, limit);
  if (request.headers["content-encoding"] !== "gzip") return body;
  try {
    return await unzip(body, { maxOutputLength: limit });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") throw new BodyTooLargeError(limit);
    throw serializationError("The request body is not valid gzip.");
  }
};
