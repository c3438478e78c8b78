/**
 * One shard: its records in order, their retention, its write limits.
 *
 * Positions are absolute: the first record ever written has position 0, whatever was dropped since, so that a
 * reader keeps a number and nothing else.
 */

/** A record as kept: its data stays base64 text, which is what producers send and consumers receive. */
export interface StoredRecord {
  readonly sequenceNumber: string;
  /** Milliseconds since the epoch. */
  readonly arrival: number;
  /** Base64. */
  readonly data: string;
  readonly partitionKey: string;
  /** Bytes of the data, decoded, and of the partition key: what AWS's limits count. */
  readonly size: number;
}

export interface ShardRead {
  readonly records: readonly StoredRecord[];
  /** Position of the next read. */
  readonly next: number;
  /** How far the next unread record lies behind `now`, in milliseconds; 0 when there is none. */
  readonly millisBehindLatest: number;
}

export interface ReadLimits {
  /** Most records. */
  readonly records: number;
  /** Most bytes (`StoredRecord.size`); the record that crosses the bound is still taken when it is the first. */
  readonly bytes: number;
}

export interface ShardOptions {
  readonly index: number;
  readonly startingHashKey: bigint;
  readonly endingHashKey: bigint;
  /** Milliseconds since the epoch; part of every sequence number. */
  readonly createdAt: number;
}

/** One second's worth, per shard. Source: https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html */
const WRITE_BYTES_PER_SECOND = 1024 * 1024;
const WRITE_RECORDS_PER_SECOND = 1_000;
/** What a kept record costs beside its text, in bytes; measured on Node 24. */
const RECORD_OVERHEAD = 200;
/** Dropped records are cut out of the array once they are this many and half of it. */
const COMPACT_AT = 4_096;
const COUNTER_DIGITS = 38;
/** Adding it, and cutting the 1 off again, pads a counter to 15 digits at the least cost; the run's make it 38. */
const COUNTER_OFFSET = 1e15;
const RUN_DIGITS = COUNTER_DIGITS - 15;
const SEQUENCE_DIGITS = 56;

const memoryOf = (record: StoredRecord): number =>
  record.data.length + record.partitionKey.length + RECORD_OVERHEAD;

export class Shard {
  readonly id: string;
  readonly index: number;
  readonly startingHashKey: bigint;
  readonly endingHashKey: bigint;
  readonly createdAt: number;
  readonly #prefix: string;
  /** The prefix and the digits that tell the runs of a kept stream apart. */
  #runPrefix: string;
  #records: StoredRecord[] = [];
  /** Index in `#records` of the oldest kept record. */
  #head = 0;
  /** Position of `#records[0]`. */
  #base = 0;
  #memory = 0;
  #byteTokens = WRITE_BYTES_PER_SECOND;
  #recordTokens = WRITE_RECORDS_PER_SECOND;
  #refilledAt = 0;

  constructor(options: ShardOptions) {
    this.index = options.index;
    this.id = `shardId-${String(options.index).padStart(12, "0")}`;
    this.startingHashKey = options.startingHashKey;
    this.endingHashKey = options.endingHashKey;
    this.createdAt = options.createdAt;
    const epoch = String(Math.floor(options.createdAt / 1000)).padStart(10, "0");
    this.#prefix = `49${epoch}${String(options.index).padStart(6, "0")}`;
    this.#runPrefix = this.#prefix + "0".repeat(RUN_DIGITS);
  }

  /** Sequence numbers are 56 digits wide, so that comparing them as text is comparing them as numbers. */
  get startingSequenceNumber(): string {
    return this.#prefix + "0".repeat(COUNTER_DIGITS);
  }

  /** Position of the oldest kept record. */
  get trimHorizon(): number {
    return this.#base + this.#head;
  }

  /** Position that the next record will get. */
  get latest(): number {
    return this.#base + this.#records.length;
  }

  /** Estimated heap held by the kept records, in bytes. */
  get memory(): number {
    return this.#memory;
  }

  /** Whether a sequence number can have come from this shard. */
  owns(sequenceNumber: string): boolean {
    return sequenceNumber.length === SEQUENCE_DIGITS && sequenceNumber.startsWith(this.#prefix);
  }

  /**
   * Takes write capacity for a record: 1 MiB and 1,000 records a second, refilled steadily.
   * @param burst Bytes the tank holds: 1 MiB, or the stream's largest record if that is more.
   * @returns false when there is not enough, and then takes nothing.
   */
  admit(size: number, now: number, burst: number): boolean {
    const elapsed = Math.max(0, now - this.#refilledAt) / 1000;
    this.#refilledAt = now;
    this.#byteTokens = Math.min(burst, this.#byteTokens + elapsed * WRITE_BYTES_PER_SECOND);
    this.#recordTokens = Math.min(
      WRITE_RECORDS_PER_SECOND,
      this.#recordTokens + elapsed * WRITE_RECORDS_PER_SECOND,
    );
    if (this.#byteTokens < size || this.#recordTokens < 1) return false;
    this.#byteTokens -= size;
    this.#recordTokens -= 1;
    return true;
  }

  /** Adds a record and returns its sequence number. */
  append(data: string, partitionKey: string, size: number, now: number): string {
    const sequenceNumber = this.#runPrefix + String(COUNTER_OFFSET + this.latest + 1).slice(1);
    const record = { sequenceNumber, arrival: now, data, partitionKey, size };
    this.#records.push(record);
    this.#memory += memoryOf(record);
    return sequenceNumber;
  }

  /**
   * Sequence numbers from now on are above every one that an earlier run gave out, also those it could not save
   * before it was killed: consumers that remember them would take new records for old ones.
   * @param now milliseconds since the epoch
   */
  resume(now: number): void {
    this.#runPrefix = this.#prefix + String(Math.floor(now)).padStart(RUN_DIGITS, "0");
  }

  /** Takes over records kept by an earlier run, in order; the first of them was at `position`. */
  restore(position: number, records: readonly StoredRecord[]): void {
    this.#base = position;
    this.#head = 0;
    this.#records = [...records];
    this.#memory = records.reduce((sum, record) => sum + memoryOf(record), 0);
  }

  /** Takes over further records of an earlier run, which follow those it has. */
  extend(records: readonly StoredRecord[]): void {
    for (const record of records) {
      this.#records.push(record);
      this.#memory += memoryOf(record);
    }
  }

  /**
   * Drops what is older than `oldest` (milliseconds since the epoch), and the oldest while more than `maxMemory`
   * bytes are held.
   * @returns how many records the memory bound cost.
   */
  trim(oldest: number, maxMemory: number): number {
    let lost = 0;
    for (let record = this.#records[this.#head]; record; record = this.#records[this.#head]) {
      const expired = record.arrival < oldest;
      if (!expired && this.#memory <= maxMemory) break;
      if (!expired) lost += 1;
      this.#memory -= memoryOf(record);
      this.#head += 1;
    }
    if (this.#head >= COMPACT_AT && this.#head * 2 >= this.#records.length) {
      this.#base += this.#head;
      this.#records = this.#records.slice(this.#head);
      this.#head = 0;
    }
    return lost;
  }

  /** Records from a position on. A position before the trim horizon reads from there. */
  read(position: number, limits: ReadLimits, now: number): ShardRead {
    const from = Math.max(position - this.#base, this.#head);
    const last = Math.min(this.#records.length, from + limits.records);
    let bytes = 0;
    let to = from;
    for (; to < last; to += 1) {
      bytes += this.#records[to]?.size ?? 0;
      if (bytes > limits.bytes && to > from) break;
    }
    const unread = this.#records[to];
    return {
      records: this.#records.slice(from, to),
      next: this.#base + Math.max(to, from),
      millisBehindLatest: unread ? Math.max(0, Math.round(now - unread.arrival)) : 0,
    };
  }

  /** Position of the first record at or after a sequence number. */
  positionOfSequence(sequenceNumber: string): number {
    return this.#first((record) => record.sequenceNumber >= sequenceNumber);
  }

  /** Position of the first record after a sequence number. */
  positionAfterSequence(sequenceNumber: string): number {
    return this.#first((record) => record.sequenceNumber > sequenceNumber);
  }

  /** Position of the first record that arrived at or after a time, in milliseconds since the epoch. */
  positionOfTime(time: number): number {
    return this.#first((record) => record.arrival >= time);
  }

  #first(reached: (record: StoredRecord) => boolean): number {
    let low = this.#head;
    let high = this.#records.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const record = this.#records[middle];
      if (record && reached(record)) high = middle;
      else low = middle + 1;
    }
    return this.#base + low;
  }
}
