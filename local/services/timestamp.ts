/** A point in time on the wire: whole or broken seconds in JSON, and in CBOR the same under tag 1. */
export class Timestamp {
  /** Milliseconds since the epoch. */
  readonly ms: number;

  constructor(ms: number) {
    this.ms = ms;
  }

  get seconds(): number {
    return this.ms / 1_000;
  }

  toJSON(): number {
    return this.seconds;
  }
}
