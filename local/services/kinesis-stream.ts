/** One data stream: its settings, its shards, and the way a record takes into one of them. */

import { evenRanges, HashRouter, type RecordInput } from "./kinesis-records.ts";
import { Shard } from "./kinesis-shard.ts";

export type StreamMode = "PROVISIONED" | "ON_DEMAND";

export interface StreamOptions {
  readonly name: string;
  readonly arn: string;
  readonly mode: StreamMode;
  /** Open shards; they stay as many. */
  readonly shardCount: number;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  /** 24 to 8,760. */
  readonly retentionHours: number;
  /** Largest record, partition key included: 1,024 to 10,240 KiB. */
  readonly maxRecordSizeKiB: number;
  readonly tags?: ReadonlyMap<string, string>;
  readonly checkpoints?: ReadonlyMap<string, number>;
}

export interface WriteLimits {
  /** Enforces 1 MiB and 1,000 records a second per shard. */
  readonly throttle: boolean;
  /** Heap that one shard's records may hold, in bytes. */
  readonly shardMemory: number;
}

export interface Written {
  readonly shard: Shard;
  /** Undefined when the shard's write limit refused the record. */
  readonly sequenceNumber: string | undefined;
  /** Records dropped, before their retention ended, to stay within the memory bound. */
  readonly lost: number;
}

const HOUR_MS = 3_600_000;
const MIB = 1024 * 1024;

/** What CreateStream takes. */
export interface CreateStreamOptions {
  readonly name: string;
  /** @default 4 when on demand, else 1 */
  readonly shardCount?: number;
  /** @default "PROVISIONED" */
  readonly mode?: StreamMode;
  /** @default 24 */
  readonly retentionHours?: number;
  /** @default 1024 */
  readonly maxRecordSizeKiB?: number;
  readonly tags?: Readonly<Record<string, string>>;
}

export class Stream {
  readonly name: string;
  readonly arn: string;
  readonly mode: StreamMode;
  readonly createdAt: number;
  readonly shards: readonly Shard[];
  readonly tags: Map<string, string>;
  /** Where consumers go on, as positions, by names of their own. They are kept, and go, with the stream. */
  readonly checkpoints: Map<string, number>;
  retentionHours: number;
  maxRecordSizeKiB: number;
  readonly #router: HashRouter;

  constructor(options: StreamOptions) {
    this.name = options.name;
    this.arn = options.arn;
    this.mode = options.mode;
    this.createdAt = options.createdAt;
    this.retentionHours = options.retentionHours;
    this.maxRecordSizeKiB = options.maxRecordSizeKiB;
    this.tags = new Map(options.tags);
    this.checkpoints = new Map(options.checkpoints);
    this.shards = evenRanges(options.shardCount).map(
      ({ start, end }, index) =>
        new Shard({ index, startingHashKey: start, endingHashKey: end, createdAt: options.createdAt }),
    );
    this.#router = new HashRouter(this.shards.map((shard) => shard.startingHashKey));
  }

  get maxRecordBytes(): number {
    return this.maxRecordSizeKiB * 1024;
  }

  /** Oldest arrival that is still kept, in milliseconds since the epoch. */
  #oldest(now: number): number {
    return now - this.retentionHours * HOUR_MS;
  }

  /** Writes one checked record of that size (bytes, as AWS counts them). */
  write(record: RecordInput, size: number, now: number, limits: WriteLimits): Written {
    const shard = this.shards[this.#router.route(record)] as Shard;
    if (limits.throttle && !shard.admit(size, now, Math.max(MIB, this.maxRecordBytes))) {
      return { shard, sequenceNumber: undefined, lost: 0 };
    }
    const sequenceNumber = shard.append(record.Data, record.PartitionKey, size, now);
    return { shard, sequenceNumber, lost: shard.trim(this.#oldest(now), limits.shardMemory) };
  }

  /** Drops what is past its retention: nothing may be written for hours, or while the runtime was not there. */
  expire(shard: Shard, now: number): void {
    shard.trim(this.#oldest(now), Number.POSITIVE_INFINITY);
  }
}
