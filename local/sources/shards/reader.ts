/**
 * Reads one shard as records arrive and deals them out to its lanes.
 *
 * Nothing is polled: the stream tells when records were appended, and a lane when it has room again.
 */
import type { FilterDocument } from "../../kit/filter.ts";
import type { Lane } from "./lane.ts";
import type { RecordForm, ShardRecord } from "./record.ts";

/** What is needed of the stream's service. */
interface ShardReads<R extends ShardRecord> {
  read(position: number): { records: readonly R[]; next: number };
}

export interface ReaderOptions<R extends ShardRecord> {
  form: RecordForm<R>;
  /** Where to begin. */
  position: number;
  reads: ShardReads<R>;
  lanes: readonly Lane<R>[];
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

export class ShardReader<R extends ShardRecord> {
  readonly #options: ReaderOptions<R>;
  #position: number;
  #scheduled = false;

  constructor(options: ReaderOptions<R>) {
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

  #deal(records: readonly R[]): void {
    const { lanes, passes, filtered, form } = this.#options;
    const wanted = filtered ? records.filter((record) => passes(form.toDocument(record))) : records;
    if (lanes.length === 1) {
      lanes[0]?.push(wanted);
      return;
    }
    const hands = lanes.map((): R[] => []);
    for (const record of wanted) hands[laneOf(form.orderKey(record), lanes.length)]?.push(record);
    for (const [index, hand] of hands.entries()) lanes[index]?.push(hand);
  }
}
