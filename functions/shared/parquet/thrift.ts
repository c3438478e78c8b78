/**
 * Thrift's compact protocol, as far as Parquet's metadata needs it.
 * Source: https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
 */
import { Bytes } from "./bytes.ts";

const TYPE = { i32: 5, i64: 6, binary: 8, list: 9, struct: 12 } as const;

export type ThriftValue =
  | { type: "i32" | "i64"; value: number }
  | { type: "binary"; value: Uint8Array }
  | { type: "list"; of: "i32" | "binary" | "struct"; values: ThriftValue[] }
  | { type: "struct"; fields: ThriftFields };

/** Fields by id; undefined ones are left out. */
export type ThriftFields = Record<number, ThriftValue | undefined>;

export const i32 = (value: number): ThriftValue => ({ type: "i32", value });
export const i64 = (value: number): ThriftValue => ({ type: "i64", value });
export const binary = (value: Uint8Array): ThriftValue => ({ type: "binary", value });
export const text = (value: string): ThriftValue => binary(Buffer.from(value));
export const struct = (fields: ThriftFields): ThriftValue => ({ type: "struct", fields });
export const list = (of: "i32" | "binary" | "struct", values: ThriftValue[]): ThriftValue => ({
  type: "list",
  of,
  values,
});

function writeList(out: Bytes, of: "i32" | "binary" | "struct", values: ThriftValue[]): void {
  if (values.length < 15) out.byte((values.length << 4) | TYPE[of]);
  else {
    out.byte(0xf0 | TYPE[of]);
    out.varint(values.length);
  }
  for (const value of values) writeValue(out, value);
}

function writeValue(out: Bytes, value: ThriftValue): void {
  switch (value.type) {
    case "i32":
    case "i64":
      out.zigzag(value.value);
      break;
    case "binary":
      out.varint(value.value.length);
      out.append(value.value);
      break;
    case "list":
      writeList(out, value.of, value.values);
      break;
    case "struct":
      writeStruct(out, value.fields);
      break;
  }
}

/** Appends a struct: its fields in order of their ids. */
function writeStruct(out: Bytes, fields: ThriftFields): void {
  let last = 0;
  for (const [key, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    const id = Number(key);
    const step = id - last;
    if (step < 16) out.byte((step << 4) | TYPE[value.type]);
    else {
      out.byte(TYPE[value.type]);
      out.zigzag(id);
    }
    writeValue(out, value);
    last = id;
  }
  out.byte(0);
}

export function serialise(fields: ThriftFields): Uint8Array {
  const out = new Bytes();
  writeStruct(out, fields);
  return out.written();
}
