/**
 * A POST form, read once: what is checked here is exactly what the store then sees, since the form goes on rewritten.
 * Source: https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html
 */
import { randomUUID } from "node:crypto";
import { ServiceError } from "./faults.ts";
import type { FormFields } from "./post-policy.ts";

export interface PostForm {
  fields: FormFields;
  /** With `${filename}` filled in. */
  key: string;
  file: Buffer;
}

/** In bytes, of every field but the file. Source: the page above. */
const MAX_FIELDS_BYTES = 20_480;
/** In a key it stands for the name of the uploaded file. */
const FILENAME = ["$", "{filename}"].join("");
const FIELD_NAME = /^[A-Za-z0-9_.-]{1,256}$/;

const malformed = (why: string): ServiceError =>
  new ServiceError(
    "MalformedPOSTRequest",
    `The body of your POST request is not well-formed multipart/form-data: ${why}`,
  );

const parse = async (body: Buffer, contentType: string): Promise<FormData> => {
  try {
    const { buffer, byteOffset, byteLength } = body;
    const bytes = new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
    return await new Response(bytes, { headers: { "content-type": contentType } }).formData();
  } catch {
    throw malformed("it cannot be read.");
  }
};

interface Parts {
  fields: Map<string, string>;
  file: { name: string; content: File | string } | undefined;
}

/** Up to the file: what comes after it is ignored. */
const splitParts = (form: FormData): Parts => {
  const fields = new Map<string, string>();
  for (const [name, value] of form) {
    if (typeof value !== "string") return { fields, file: { name: value.name, content: value } };
    if (name.toLowerCase() === "file") return { fields, file: { name: "", content: value } };
    if (!FIELD_NAME.test(name)) throw malformed(`the field name ${JSON.stringify(name)}.`);
    fields.set(name.toLowerCase(), value);
  }
  return { fields, file: undefined };
};

const bytesOf = (content: File | string): Promise<ArrayBuffer> => new Blob([content]).arrayBuffer();

/** @throws ServiceError MalformedPOSTRequest, MaxPostPreDataLengthExceededError, InvalidArgument (400) */
export const readForm = async (body: Buffer, contentType: string): Promise<PostForm> => {
  const { fields, file } = splitParts(await parse(body, contentType));
  const size = [...fields].reduce((sum, [name, value]) => sum + name.length + Buffer.byteLength(value), 0);
  if (size > MAX_FIELDS_BYTES) {
    throw new ServiceError(
      "MaxPostPreDataLengthExceededError",
      "Your POST request fields preceding the upload file were too large.",
    );
  }
  const key = fields.get("key");
  if (file === undefined)
    throw new ServiceError("InvalidArgument", "POST requires exactly one file upload per request.");
  if (!key) throw new ServiceError("InvalidArgument", "Bucket POST must contain a field named 'key'.");
  const filename = file.name.split(/[/\\]/).at(-1) ?? "";
  return {
    fields,
    key: key.replaceAll(FILENAME, filename),
    file: Buffer.from(await bytesOf(file.content)),
  };
};

/** Names as the store reads them, where their case matters to it. */
const CASED: Readonly<Record<string, string>> = {
  "content-type": "Content-Type",
  "content-disposition": "Content-Disposition",
  "content-encoding": "Content-Encoding",
  "cache-control": "Cache-Control",
};

/** The form again, as the store reads it: one way only. */
export const writeForm = ({ fields, key, file }: PostForm): { body: Buffer; contentType: string } => {
  const boundary = `form-${randomUUID()}`;
  const part = (name: string, value: string): string =>
    `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
  const texts = [...fields].map(([name, value]) => part(CASED[name] ?? name, name === "key" ? key : value));
  const body = Buffer.concat([
    Buffer.from(texts.join("")),
    Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="file"\r\n\r\n`),
    file,
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ]);
  return { body, contentType: `multipart/form-data; boundary=${boundary}` };
};
