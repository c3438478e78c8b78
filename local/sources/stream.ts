/**
 * Event source mappings of Kinesis streams: batches of each shard to their function, in order.
 * Sources: https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html,
 * https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventsourcemapping.html
 *
 * Differs from AWS: records are delivered as soon as they are there instead of at the next of one poll a second;
 * enhanced fan-out makes no difference. A mapping that starts again, changed by `--watch` or in a later run with
 * `--data`, goes on where it was, also when it was taken out of the program in between; a batch in work is delivered
 * again. One with a tumbling window begins at its starting position again, since windows in progress are not kept.
 */
import { type PropertyValue, plain, type ResourceNode } from "../engine/graph.ts";
import { compileFilters } from "../kit/filter.ts";
import type { Kinesis } from "../services/kinesis.ts";
import type { RunningSource, Source, SourceContext } from "./source.ts";
import { checkDestination } from "./stream/destination.ts";
import type { ShardPlace } from "./stream/event.ts";
import { Lane } from "./stream/lane.ts";
import { BatchProcessor } from "./stream/processor.ts";
import { type MappingSettings, readMapping } from "./stream/settings.ts";
import { ShardReader } from "./stream/shard.ts";

/** How long `stop` waits for batches in work. */
const STOP_MS = 500;
/** Records per read; a read costs the same whatever it brings. */
const READ_RECORDS = 1_000;
/** What AWS checks when a mapping is created: the function's role reads the stream. */
const READ_ACTIONS = [
  "kinesis:GetRecords",
  "kinesis:GetShardIterator",
  "kinesis:DescribeStream",
  "kinesis:ListShards",
];

const isKinesis = (node: ResourceNode): boolean => {
  const arn = plain(node.inputs.eventSourceArn ?? null);
  return typeof arn === "string" && arn.split(":")[2] === "kinesis";
};

const asText = (value: PropertyValue | undefined): string => {
  const text = plain(value ?? null);
  return typeof text === "string" ? text : "";
};

/** Refuses what AWS refuses when it creates the mapping. */
const checkMapping = (mapping: MappingSettings, context: SourceContext): void => {
  const fail = (what: string) => {
    throw new Error(`Event source mapping "${mapping.name}": ${what}`);
  };
  if (!context.pool.has(mapping.functionName)) fail(`there is no function "${mapping.functionName}".`);
  for (const action of READ_ACTIONS) {
    const decision = context.callers.authoriseFunction(mapping.functionName, action, mapping.streamArn);
    if (decision.allowed) continue;
    const name = action.slice("kinesis:".length);
    fail(
      `Cannot access stream ${mapping.streamArn}. Please ensure the role can perform the ${name} action on your stream in IAM.`,
    );
  }
  checkDestination(mapping);
};

/** Starts one shard: its reader, and a lane per parallel batch. */
class RunningShard {
  readonly reader: ShardReader;
  readonly #lanes: Lane[];
  readonly #mapping: MappingSettings;
  readonly #shardId: string;
  readonly #kinesis: Kinesis;

  constructor(mapping: MappingSettings, shardId: string, context: SourceContext, signal: AbortSignal) {
    this.#mapping = mapping;
    this.#shardId = shardId;
    this.#kinesis = context.services.kinesis;
    const functionNode = context.byOutput("aws:lambda/function:Function", "name", mapping.functionName);
    const place: ShardPlace = {
      region: mapping.streamArn.split(":")[3] ?? "",
      streamArn: mapping.streamArn,
      shardId,
      roleArn: asText(functionNode?.inputs.role),
    };
    const functionArn = asText(functionNode?.outputs.arn);
    const processor = new BatchProcessor({ mapping, place, context, functionArn, signal });
    this.#lanes = Array.from(
      { length: mapping.parallelizationFactor },
      () =>
        new Lane({
          mapping,
          place,
          processor,
          clock: context.clock,
          signal,
          onRoom: () => this.reader.schedule(),
        }),
    );
    this.reader = this.#createReader(context, signal);
  }

  /** Ends when the signal is aborted. */
  async run(): Promise<void> {
    this.reader.schedule();
    await Promise.all(this.#lanes.map((lane) => lane.run()));
  }

  /** Notes how far the shard has been worked off, for the mapping's next start. */
  saveCheckpoint(): void {
    const { streamName } = this.#mapping;
    if (this.#mapping.tumblingWindowSeconds > 0 || !this.#kinesis.hasStream(streamName)) return;
    this.#kinesis.stream(streamName).checkpoints.set(this.#checkpointName, this.#checkpoint());
  }

  #checkpoint(): number {
    const first = this.#lanes
      .flatMap(({ unfinished }) => (unfinished === undefined ? [] : [unfinished.sequenceNumber]))
      .sort()[0];
    if (first === undefined) return this.reader.position;
    const start = { type: "AT_SEQUENCE_NUMBER", sequenceNumber: first } as const;
    return this.#kinesis.position(this.#mapping.streamName, this.#shardId, start);
  }

  /** With the starting position in it: another one begins there, as AWS replaces the mapping then. */
  get #checkpointName(): string {
    return `${this.#mapping.id} ${this.#shardId} ${JSON.stringify(this.#mapping.start)}`;
  }

  #createReader(context: SourceContext, signal: AbortSignal): ShardReader {
    const [mapping, shardId, kinesis] = [this.#mapping, this.#shardId, this.#kinesis];
    const { streamName, filters } = mapping;
    return new ShardReader({
      position:
        kinesis.stream(streamName).checkpoints.get(this.#checkpointName) ??
        kinesis.position(streamName, shardId, mapping.start),
      reads: { read: (position) => kinesis.read(streamName, shardId, position, { records: READ_RECORDS }) },
      lanes: this.#lanes,
      passes: compileFilters(filters, "data"),
      filtered: filters.length > 0,
      signal,
      onError: ({ message }) => context.log(`Event source mapping "${mapping.name}": ${shardId}: ${message}`),
      onLost: (count) =>
        context.log(
          `Event source mapping "${mapping.name}": ${count} records of ${shardId} left the stream before they were read.`,
        ),
    });
  }
}

/** Resolves when the work is done or the time is over. */
const atMost = async (work: Promise<unknown>, ms: number): Promise<void> => {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, timeout]);
  clearTimeout(timer);
};

const runMapping = (mapping: MappingSettings, context: SourceContext): RunningSource => {
  const { kinesis } = context.services;
  const stopping = new AbortController();
  const shards = new Map(
    kinesis
      .shardIds(mapping.streamName)
      .map((id) => [id, new RunningShard(mapping, id, context, stopping.signal)] as const),
  );
  const unsubscribe = kinesis.onAppend(mapping.streamName, (id) => shards.get(id)?.reader.schedule());
  const report = (shardId: string) => (error: Error) => {
    if (stopping.signal.aborted) return;
    context.log(`Event source mapping "${mapping.name}": ${shardId} has stopped: ${error.message}`);
  };
  const running = Promise.all([...shards].map(([id, shard]) => shard.run().catch(report(id))));
  return {
    name: `${mapping.streamName} -> ${mapping.functionName}`,
    async stop() {
      unsubscribe();
      stopping.abort(new Error("The event source mapping has been stopped."));
      await atMost(running, STOP_MS);
      for (const shard of shards.values()) shard.saveCheckpoint();
    },
  };
};

export const source: Source = {
  types: ["aws:lambda/eventSourceMapping:EventSourceMapping"],

  async start(node, context) {
    if (!isKinesis(node)) return undefined;
    const mapping = readMapping(node);
    checkMapping(mapping, context);
    if (mapping.enabled) return runMapping(mapping, context);
    return { name: `${mapping.streamName} -> ${mapping.functionName} (disabled)`, async stop() {} };
  },
};
