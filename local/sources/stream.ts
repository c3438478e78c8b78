/**
 * Event source mappings of Kinesis streams: batches of each shard to their function, in order.
 * Sources: https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html,
 * https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventsourcemapping.html
 *
 * Differs from AWS: records are delivered as soon as they are there instead of at the next of one poll a second;
 * enhanced fan-out makes no difference. A mapping goes on where it was when it starts again, in a later run with
 * `--data` too.
 */
import { plain, type ResourceNode } from "../engine/graph.ts";
import type { Kinesis } from "../services/kinesis.ts";
import type { StoredRecord } from "../services/kinesis-shard.ts";
import { checkMapping, startMapping } from "./shards/mapping.ts";
import type { ShardStream } from "./shards/record.ts";
import { readMapping, serviceOf } from "./shards/settings.ts";
import type { Source } from "./source.ts";
import { KINESIS_FORM } from "./stream/event.ts";

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
  return typeof arn === "string" && serviceOf(arn) === "kinesis";
};

const streamOf = (kinesis: Kinesis, name: string): ShardStream<StoredRecord> => ({
  form: KINESIS_FORM,
  exists: () => kinesis.hasStream(name),
  shardIds: () => kinesis.shardIds(name),
  read: (shardId, position) => kinesis.read(name, shardId, position, { records: READ_RECORDS }),
  position: (shardId, start) => kinesis.position(name, shardId, start),
  onAppend: (listener) => kinesis.onAppend(name, listener),
  checkpoints: () => kinesis.stream(name).checkpoints,
});

export const source: Source = {
  types: ["aws:lambda/eventSourceMapping:EventSourceMapping"],

  async start(node, context) {
    if (!isKinesis(node)) return undefined;
    const mapping = readMapping(node);
    checkMapping(
      mapping,
      READ_ACTIONS.map((action) => ({ action, resource: mapping.streamArn })),
      context,
    );
    return startMapping(mapping, streamOf(context.services.kinesis, mapping.streamName), context);
  },
};
