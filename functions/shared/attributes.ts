/**
 * DynamoDB attribute values by hand: what the functions read and write has few, known attributes, numbers beyond
 * 2^53 (which the document client refuses to write), and is on the hot path.
 *
 * Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html
 */
import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import type { TableKey } from "./keys.ts";

export type Item = Record<string, AttributeValue>;

/** A double as DynamoDB takes it: its shortest decimal, which reads back as the same double. */
export function numberValue(value: number): AttributeValue.NMember {
  return { N: String(value) };
}

export function keyItem({ pk, sk }: TableKey): Item {
  return { pk: { S: pk }, sk: { S: sk } };
}

/** The number under `name`; `fallback` when there is none. */
export function readNumber(item: Item, name: string, fallback = 0): number {
  const text = item[name]?.N;
  return text === undefined ? fallback : Number(text);
}

export function readText(item: Item, name: string): string {
  return item[name]?.S ?? "";
}
