/** A growing run of bytes, little-endian: what encoders append to. */
export class Bytes {
  data: Uint8Array<ArrayBuffer>;
  length = 0;
  #view: DataView;

  /** @param capacity bytes to begin with; it doubles when full and is kept by `clear`. */
  constructor(capacity = 1024) {
    this.data = new Uint8Array(capacity);
    this.#view = new DataView(this.data.buffer);
  }

  /** Makes room for `extra` bytes more. */
  reserve(extra: number): void {
    const needed = this.length + extra;
    if (needed <= this.data.length) return;
    const grown = new Uint8Array(Math.max(this.data.length * 2, needed));
    grown.set(this.data.subarray(0, this.length));
    this.data = grown;
    this.#view = new DataView(grown.buffer);
  }

  clear(): void {
    this.length = 0;
  }

  /** What has been written, without a copy: good until the next write. */
  written(): Uint8Array {
    return this.data.subarray(0, this.length);
  }

  byte(value: number): void {
    this.reserve(1);
    this.data[this.length++] = value;
  }

  uint32(value: number): void {
    this.reserve(4);
    this.#view.setUint32(this.length, value, true);
    this.length += 4;
  }

  float64(value: number): void {
    this.reserve(8);
    this.#view.setFloat64(this.length, value, true);
    this.length += 8;
  }

  /** Unsigned LEB128 of a whole number up to 2^53. */
  varint(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.byte((rest % 0x80) + 0x80);
      rest = Math.floor(rest / 0x80);
    }
    this.byte(rest);
  }

  /** A signed whole number as varint, small magnitudes first. */
  zigzag(value: number): void {
    this.varint(value < 0 ? -2 * value - 1 : 2 * value);
  }

  append(source: Uint8Array): void {
    this.reserve(source.length);
    this.data.set(source, this.length);
    this.length += source.length;
  }

  /** Copies a slice; short ones byte by byte, which is faster than a view. */
  copy(source: Uint8Array, start: number, end: number): void {
    const count = end - start;
    this.reserve(count);
    if (count > 64) this.data.set(source.subarray(start, end), this.length);
    else
      for (let index = 0; index < count; index++)
        this.data[this.length + index] = source[start + index] as number;
    this.length += count;
  }
}

/** The order of two slices, byte by byte: negative, 0 or positive. */
export function compareSlices(
  left: Uint8Array,
  leftStart: number,
  leftLength: number,
  right: Uint8Array,
  rightStart: number,
  rightLength: number,
): number {
  const shorter = Math.min(leftLength, rightLength);
  for (let index = 0; index < shorter; index++) {
    const difference = (left[leftStart + index] as number) - (right[rightStart + index] as number);
    if (difference !== 0) return difference;
  }
  return leftLength - rightLength;
}
