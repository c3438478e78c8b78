/**
 * CBOR, as far as AWS's RPC protocol uses it. Pure.
 * Sources: https://www.rfc-editor.org/rfc/rfc8949, https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html
 *
 * Differs: tags are dropped when read, so that a time is its seconds, as in JSON; integers beyond 2^53 lose precision.
 */

/** Why bytes are not CBOR, or not CBOR that is read here. */
export class CborError extends Error {
  override readonly name = "CborError";
}

/** A value under a tag, e.g. 1 for seconds since the epoch. */
export interface Tagged {
  readonly tag: number;
  readonly value: unknown;
}

const DEEPEST = 64;
const BREAK = Symbol("break");
const INDEFINITE = 31;
/** What the low bits of the first byte say of simple values. */
const SIMPLE: Readonly<Record<number, unknown>> = { 20: false, 21: true, 22: null, 23: undefined };

const halfFloat = (bits: number): number => {
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1_023];
  const sign = bits & 0x80_00 ? -1 : 1;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1_024) * 2 ** (exponent - 15);
};

class Reader {
  readonly #bytes: Buffer;
  #at = 0;
  #depth = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  whole(): unknown {
    const value = this.#value();
    if (value === BREAK) throw new CborError("A break stands outside of anything.");
    if (this.#at < this.#bytes.length) throw new CborError("There is more after the value.");
    return value;
  }

  #take(length: number): Buffer {
    if (this.#at + length > this.#bytes.length) throw new CborError("It ends too early.");
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  #argument(low: number): number {
    if (low < 24) return low;
    if (low === 24) return this.#take(1).readUInt8();
    if (low === 25) return this.#take(2).readUInt16BE();
    if (low === 26) return this.#take(4).readUInt32BE();
    if (low === 27) return Number(this.#take(8).readBigUInt64BE());
    throw new CborError(`A length of kind ${low} is not defined.`);
  }

  #value(): unknown {
    this.#depth += 1;
    if (this.#depth > DEEPEST) throw new CborError(`It nests deeper than ${DEEPEST} levels.`);
    const first = this.#take(1).readUInt8();
    const value = this.#read(first >> 5, first & 31);
    this.#depth -= 1;
    return value;
  }

  #read(major: number, low: number): unknown {
    if (major === 7) return this.#simple(low);
    if (low === INDEFINITE) return this.#indefinite(major);
    const argument = this.#argument(low);
    if (major === 0) return argument;
    if (major === 1) return -1 - argument;
    if (major === 2) return this.#take(argument);
    if (major === 3) return this.#take(argument).toString();
    if (major === 6) return this.#value();
    const left = { items: argument };
    const more = (): boolean => left.items-- > 0;
    return major === 4 ? this.#list(more) : this.#map(more);
  }

  #indefinite(major: number): unknown {
    if (major === 2 || major === 3) {
      const chunks = this.#list(() => this.#unlessBreak());
      return major === 3 ? chunks.join("") : Buffer.concat(chunks as Buffer[]);
    }
    if (major === 4) return this.#list(() => this.#unlessBreak());
    if (major === 5) return this.#map(() => this.#unlessBreak());
    throw new CborError("A number or tag has no indefinite length.");
  }

  #unlessBreak(): boolean {
    if (this.#bytes[this.#at] !== 0xff) return true;
    this.#at += 1;
    return false;
  }

  #list(more: () => boolean): unknown[] {
    const items: unknown[] = [];
    while (more()) items.push(this.#item());
    return items;
  }

  #map(more: () => boolean): Record<string, unknown> {
    const map: Record<string, unknown> = {};
    while (more()) {
      const key = this.#item();
      if (typeof key !== "string") throw new CborError("A member's name is no text.");
      if (key === "__proto__") throw new CborError("A member called __proto__ is not accepted.");
      map[key] = this.#item();
    }
    return map;
  }

  #item(): unknown {
    const value = this.#value();
    if (value === BREAK) throw new CborError("A break stands in the wrong place.");
    return value;
  }

  #simple(low: number): unknown {
    if (low in SIMPLE) return SIMPLE[low];
    if (low === 25) return halfFloat(this.#take(2).readUInt16BE());
    if (low === 26) return this.#take(4).readFloatBE();
    if (low === 27) return this.#take(8).readDoubleBE();
    if (low === INDEFINITE) return BREAK;
    throw new CborError(`The simple value ${low} is not defined.`);
  }
}

/** @throws CborError */
export const decodeCbor = (bytes: Buffer): unknown => new Reader(bytes).whole();

const head = (major: number, argument: number): Buffer => {
  if (argument < 24) return Buffer.of((major << 5) | argument);
  const size = argument < 0x1_00 ? 1 : argument < 0x1_00_00 ? 2 : argument < 0x1_00_00_00_00 ? 4 : 8;
  const bytes = Buffer.alloc(1 + size);
  bytes[0] = (major << 5) | (24 + Math.log2(size));
  if (size === 8) bytes.writeBigUInt64BE(BigInt(argument), 1);
  else bytes.writeUIntBE(argument, 1, size);
  return bytes;
};

const number = (value: number): Buffer => {
  if (Number.isSafeInteger(value)) return value < 0 ? head(1, -1 - value) : head(0, value);
  const bytes = Buffer.alloc(9);
  bytes[0] = 0xfb;
  bytes.writeDoubleBE(value, 1);
  return bytes;
};

/** What of a value is tagged; undefined for all others. */
type Tagger = (value: object) => Tagged | undefined;

class Writer {
  readonly parts: Buffer[] = [];
  readonly #tagged: Tagger;

  constructor(tagged: Tagger) {
    this.#tagged = tagged;
  }

  write(value: unknown): void {
    if (typeof value === "number") this.parts.push(number(value));
    else if (typeof value === "string") this.#text(value);
    else if (typeof value === "boolean") this.parts.push(Buffer.of(value ? 0xf5 : 0xf4));
    else if (typeof value === "object" && value !== null) this.#object(value);
    else this.parts.push(Buffer.of(0xf6));
  }

  #text(value: string): void {
    const bytes = Buffer.from(value);
    this.parts.push(head(3, bytes.length), bytes);
  }

  #object(value: object): void {
    const tag = this.#tagged(value);
    if (tag !== undefined) {
      this.parts.push(head(6, tag.tag));
      this.write(tag.value);
    } else if (Array.isArray(value)) {
      this.parts.push(head(4, value.length));
      for (const item of value) this.write(item);
    } else this.#map(value);
  }

  #map(value: object): void {
    const entries = Object.entries(value).filter(([, member]) => member !== undefined);
    this.parts.push(head(5, entries.length));
    for (const [key, member] of entries) {
      this.#text(key);
      this.write(member);
    }
  }
}

/** Members without a value are left out. */
export const encodeCbor = (value: unknown, tagged: Tagger): Buffer => {
  const writer = new Writer(tagged);
  writer.write(value);
  return Buffer.concat(writer.parts);
};
