/** Bytes -> lines, of bounded size: of a longer one only its beginning is kept. Pure. */

export interface Line {
  /** From 1. */
  number: number;
  bytes: Buffer;
}

const NEWLINE = 10;
const RETURN = 13;
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

export class LineSplitter {
  readonly #most: number;
  #number = 0;
  #parts: Buffer[] = [];
  #size = 0;

  /** @param most bytes kept of a line */
  constructor(most: number) {
    this.#most = most;
  }

  /** The lines that end in the chunk; empty ones are counted and left out. */
  *push(chunk: Buffer): Generator<Line> {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      this.#keep(chunk.subarray(start, end));
      yield* this.#line();
      start = end + 1;
    }
    this.#keep(chunk.subarray(start));
  }

  /** What is left without a line end. */
  *end(): Generator<Line> {
    if (this.#size > 0) yield* this.#line();
  }

  /** Copied: a chunk must not be held by the few bytes that are kept of it. */
  #keep(bytes: Buffer): void {
    if (bytes.length === 0) return;
    const room = this.#most - this.#size;
    this.#size += bytes.length;
    if (room > 0) this.#parts.push(Buffer.from(bytes.subarray(0, room)));
  }

  *#line(): Generator<Line> {
    const whole = Buffer.concat(this.#parts);
    this.#number += 1;
    this.#parts = [];
    this.#size = 0;
    const marked = this.#number === 1 && whole.subarray(0, 3).equals(BYTE_ORDER_MARK);
    const bytes = whole.subarray(marked ? 3 : 0, whole.at(-1) === RETURN ? -1 : undefined);
    if (bytes.length > 0) yield { number: this.#number, bytes };
  }
}
