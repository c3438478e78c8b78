/**
 * Reads one shard as records arrive and deals them out to its lanes.
 *
 * Nothing is polled: the stream tells when records were appended, and a lane when it has room again.
 */
import type { FilterDocument } from "../../kit/filter.ts";
import type { StoredRecord } from "../../services/kinesis-shard.ts";
import type { Lane } from "./lane.ts";

/** What is needed of the stream's service. */
interface ShardReads {
  read(position: number): { records: readonly StoredRecord[]; next: number };
}

export interface ShardOptions {
  /** Where to begin. */
  position: number;
  reads: ShardReads;
  lanes: readonly Lane[];
  passes(document: FilterDocument): boolean;
  /** Whether there are filters at all; without any, no record is looked into. */
  filtered: boolean;
  /** Ends the reading. */
  signal: AbortSignal;
  /** The stream cannot be read, e.g. because it has been deleted; reading goes on with its next record. */
  onError(error: Error): void;
  /** Records were dropped by the stream before they could be read. */
  onLost(count: number): void;
}

/** FNV-1a: spreads partition keys over lanes, the same key always to the same one. */
const laneOf = (partitionKey: string, lanes: number): number => {
  let hash = 0x811c9dc5;
  for (let index = 0; index < partitionKey.length; index += 1) {
    hash = Math.imul(hash ^ partitionKey.charCodeAt(index), 0x01000193);
  }
  return (hash >>> 0) % lanes;
};

const toDocument = (record: StoredRecord): FilterDocument => ({
  kinesisSchemaVersion: "1.0",
  partitionKey: record.partitionKey,
  sequenceNumber: record.sequenceNumber,
  approximateArrivalTimestamp: record.arrival / 1000,
  data: Buffer.from(record.data, "base64").toString("utf8"),
  eventSource: "aws:kinesis",
  eventName: "aws:kinesis:record",
  eventVersion: "1.0",
});

export class ShardReader {
  readonly #options: ShardOptions;
  #position: number;
  #scheduled = false;

  constructor(options: ShardOptions) {
    this.#options = options;
    this.#position = options.position;
  }

  /** Where the next read begins. */
  get position(): number {
    return this.#position;
  }

  /** Reads soon, once for however many calls until then: producers are not held up. */
  schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (this.#options.signal.aborted) return;
      try {
        this.#pump();
      } catch (error) {
        this.#options.onError(error as Error);
      }
    });
  }

  /** Reads until nothing is left or a lane is full. */
  #pump(): void {
    const { lanes, reads } = this.#options;
    while (lanes.every((lane) => lane.hasRoom)) {
      const { records, next } = reads.read(this.#position);
      if (records.length === 0) return;
      const lost = next - records.length - this.#position;
      if (lost > 0) this.#options.onLost(lost);
      this.#position = next;
      this.#deal(records);
    }
  }

  #deal(records: readonly StoredRecord[]): void {
    const { lanes, passes, filtered } = this.#options;
    const wanted = filtered ? records.filter((record) => passes(toDocument(record))) : records;
    if (lanes.length === 1) {
      lanes[0]?.push(wanted);
      return;
    }
    const hands = lanes.map((): StoredRecord[] => []);
    for (const record of wanted) hands[laneOf(record.partitionKey, lanes.length)]?.push(record);
    for (const [index, hand] of hands.entries()) lanes[index]?.push(hand);
  }
}
