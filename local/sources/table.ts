/**
 * Event source mappings of tables: batches of a table's changes to their function, in order.
 * Sources: https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html,
 * https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-eventsourcemapping.html
 *
 * Differs from AWS: changes are delivered as soon as they are there instead of at the next of four polls a second; a
 * table's changes make one shard, so that they are in order for the table as a whole. A mapping goes on where it was
 * when it starts again, in a later run with `--data` too.
 */
import { type PropertyValue, plain, type ResourceNode } from "../engine/graph.ts";
import { CHANGES_SHARD_ID, type ChangeStreams } from "../services/dynamodb-streams.ts";
import { checkMapping, type Reading, startMapping } from "./shards/mapping.ts";
import type { ShardStream } from "./shards/record.ts";
import { readMapping, serviceOf } from "./shards/settings.ts";
import type { Source, SourceContext } from "./source.ts";
import { DYNAMODB_FORM, type TableChange, toTableChange } from "./table/event.ts";

const textOf = (value: PropertyValue | undefined): string => {
  const text = plain(value ?? null);
  return typeof text === "string" ? text : "";
};

const streamArnOf = (node: ResourceNode): string => textOf(node.inputs.eventSourceArn);

/** What AWS checks when a mapping is created: the function's role reads the table's changes. */
const readingOf = (streamArn: string): Reading[] =>
  ["GetRecords", "GetShardIterator", "DescribeStream", "ListStreams"].map((operation) => ({
    action: `dynamodb:${operation}`,
    resource: streamArn,
  }));

/** Turns the changes on where `--watch` brings a table's first subscriber; the table with its data stays. */
const enableChanges = (streams: ChangeStreams, streamArn: string, context: SourceContext): void => {
  const table = context.byOutput("aws:dynamodb/table:Table", "streamArn", streamArn);
  const view = textOf(table?.outputs.streamViewType);
  if (table === undefined || view === "") return;
  streams.enable(textOf(table.outputs.name), {
    view: view as "NEW_AND_OLD_IMAGES",
    label: textOf(table.outputs.streamLabel),
  });
};

const streamOf = (streams: ChangeStreams, tableName: string): ShardStream<TableChange> => ({
  form: DYNAMODB_FORM,
  exists: () => streams.arnOf(tableName) !== undefined,
  shardIds: () => [CHANGES_SHARD_ID],
  read: (_shardId, position) => {
    const { records, next } = streams.read(tableName, position);
    return { records: records.map(toTableChange), next };
  },
  position: (_shardId, start) => streams.position(tableName, start),
  onAppend: (listener) => streams.onChange(tableName, () => listener(CHANGES_SHARD_ID)),
  checkpoints: () => streams.checkpoints(tableName),
});

export const source: Source = {
  types: ["aws:lambda/eventSourceMapping:EventSourceMapping"],

  async start(node, context) {
    const streamArn = streamArnOf(node);
    if (serviceOf(streamArn) !== "dynamodb") return undefined;
    const { streams } = context.services.dynamodb;
    const mapping = readMapping(node);
    checkMapping(mapping, readingOf(streamArn), context);
    enableChanges(streams, streamArn, context);
    if (streams.arnOf(mapping.streamName) !== streamArn) {
      throw new Error(
        `Event source mapping "${mapping.name}": table "${mapping.streamName}" has no stream ${streamArn}. Set streamEnabled and streamViewType on the table.`,
      );
    }
    return startMapping(mapping, streamOf(streams, mapping.streamName), context);
  },
};
