/**
 * An event source mapping at work: each shard's records to the function, in order, until it is stopped.
 *
 * A mapping that starts again, changed by `--watch`, goes on where it was, also when it was taken out of the program in
 * between; a batch in work is delivered again. One with a tumbling window begins at its starting position again, since
 * windows in progress are not kept.
 */
import { type PropertyValue, plain } from "../../engine/graph.ts";
import { compileFilters } from "../../kit/filter.ts";
import type { RunningSource, SourceContext } from "../source.ts";
import { checkDestination } from "./destination.ts";
import { Lane } from "./lane.ts";
import { BatchProcessor } from "./processor.ts";
import { ShardReader } from "./reader.ts";
import type { ShardPlace, ShardRecord, ShardStream } from "./record.ts";
import type { MappingSettings } from "./settings.ts";

/** How long `stop` waits for batches in work. */
const STOP_MS = 500;
const asText = (value: PropertyValue | undefined): string => {
  const text = plain(value ?? null);
  return typeof text === "string" ? text : "";
};

/** What the function's role must be allowed for its poller. */
export interface Reading {
  action: string;
  resource: string;
}

/** Refuses what AWS refuses when it creates the mapping: also a role that may not read. */
export const checkMapping = (mapping: MappingSettings, reading: Reading[], context: SourceContext): void => {
  const fail = (what: string) => {
    throw new Error(`Event source mapping "${mapping.name}": ${what}`);
  };
  if (!context.pool.has(mapping.functionName)) fail(`there is no function "${mapping.functionName}".`);
  for (const { action, resource } of reading) {
    const decision = context.callers.authoriseFunction(mapping.functionName, action, resource);
    if (decision.allowed) continue;
    const name = action.split(":")[1];
    fail(
      `Cannot access stream ${mapping.streamArn}. Please ensure the role can perform the ${name} action on your stream in IAM.`,
    );
  }
  checkDestination(mapping);
};

/** Starts one shard: its reader, and a lane per parallel batch. */
class RunningShard<R extends ShardRecord> {
  readonly reader: ShardReader<R>;
  readonly #lanes: Lane<R>[];
  readonly #mapping: MappingSettings;
  readonly #shardId: string;
  readonly #stream: ShardStream<R>;

  constructor(options: {
    mapping: MappingSettings;
    stream: ShardStream<R>;
    shardId: string;
    context: SourceContext;
    signal: AbortSignal;
  }) {
    const { mapping, stream, shardId, context, signal } = options;
    const { form } = stream;
    this.#mapping = mapping;
    this.#shardId = shardId;
    this.#stream = stream;
    const functionNode = context.byOutput("aws:lambda/function:Function", "name", mapping.functionName);
    const place: ShardPlace = {
      region: mapping.streamArn.split(":")[3] ?? "",
      streamArn: mapping.streamArn,
      shardId,
      roleArn: asText(functionNode?.inputs.role),
    };
    const functionArn = asText(functionNode?.outputs.arn);
    const processor = new BatchProcessor({ form, mapping, place, context, functionArn, signal });
    this.#lanes = Array.from(
      { length: mapping.parallelizationFactor },
      () =>
        new Lane({
          form,
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
    if (this.#mapping.tumblingWindowSeconds > 0 || !this.#stream.exists()) return;
    this.#stream.checkpoints().set(this.#checkpointName, this.#checkpoint());
  }

  #checkpoint(): number {
    const first = this.#lanes
      .flatMap(({ unfinished }) => (unfinished === undefined ? [] : [unfinished.sequenceNumber]))
      .sort()[0];
    if (first === undefined) return this.reader.position;
    const start = { type: "AT_SEQUENCE_NUMBER", sequenceNumber: first } as const;
    return this.#stream.position(this.#shardId, start);
  }

  /** With the starting position in it: another one begins there, as AWS replaces the mapping then. */
  get #checkpointName(): string {
    return `${this.#mapping.id} ${this.#shardId} ${JSON.stringify(this.#mapping.start)}`;
  }

  #createReader(context: SourceContext, signal: AbortSignal): ShardReader<R> {
    const [mapping, shardId, stream] = [this.#mapping, this.#shardId, this.#stream];
    const { filters } = mapping;
    return new ShardReader({
      form: stream.form,
      position: stream.checkpoints().get(this.#checkpointName) ?? stream.position(shardId, mapping.start),
      reads: { read: (position) => stream.read(shardId, position) },
      lanes: this.#lanes,
      passes: compileFilters(filters, stream.form.bodyKey),
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

const runMapping = <R extends ShardRecord>(
  mapping: MappingSettings,
  stream: ShardStream<R>,
  context: SourceContext,
): RunningSource => {
  const stopping = new AbortController();
  const { signal } = stopping;
  const shards = new Map(
    stream
      .shardIds()
      .map((shardId) => [shardId, new RunningShard({ mapping, stream, shardId, context, signal })] as const),
  );
  const unsubscribe = stream.onAppend((id) => shards.get(id)?.reader.schedule());
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

/** Runs the mapping, unless it is disabled. */
export const startMapping = <R extends ShardRecord>(
  mapping: MappingSettings,
  stream: ShardStream<R>,
  context: SourceContext,
): RunningSource => {
  if (mapping.enabled) return runMapping(mapping, stream, context);
  return { name: `${mapping.streamName} -> ${mapping.functionName} (disabled)`, async stop() {} };
};
