/**
 * Event source mappings of queues: messages in batches to their function, several at once; of a FIFO queue in order per
 * group, which the queue itself sees to.
 * Sources: https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html,
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
 *
 * Differs from AWS: a message is delivered the moment it is there, not at the next poll; a batch takes all that is
 * there, where AWS's pollers each take ten.
 */
import { compileFilters } from "../kit/filter.ts";
import { QueueConsumer } from "./queue/consumer.ts";
import { isOfQueue, type QueueMapping, readMapping } from "./queue/settings.ts";
import type { RunningSource, Source, SourceContext } from "./source.ts";

/** How long `stop` waits for batches in work. */
const STOP_MS = 500;
/** What AWS checks when a mapping is created: the function's role takes messages. */
const READ_ACTIONS = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"];

/** Refuses what AWS refuses when it creates the mapping. */
const checkMapping = (mapping: QueueMapping, context: SourceContext): void => {
  const fail = (what: string): never => {
    throw new Error(`Event source mapping "${mapping.name}": ${what}`);
  };
  const { functionName, queueArn } = mapping;
  const timeout = (context.pool.spec(functionName)?.timeoutMs ?? 0) / 1_000;
  if (!context.pool.has(functionName)) fail(`there is no function "${functionName}".`);
  if (!context.services.queues.has(queueArn)) fail(`the queue ${queueArn} does not exist.`);
  for (const action of READ_ACTIONS) {
    if (context.callers.authoriseFunction(functionName, action, queueArn).allowed) continue;
    fail(
      `The provided execution role does not have permissions to call ${action.slice("sqs:".length)} on SQS: "${functionName}" needs ${action} on ${queueArn}.`,
    );
  }
  const visibility = Number(context.services.queues.attributes(queueArn).VisibilityTimeout);
  if (visibility < timeout) {
    fail(
      `Queue visibility timeout: ${visibility} seconds is less than Function timeout: ${timeout} seconds. Set it to at least ${6 * timeout} seconds.`,
    );
  }
};

/** Resolves when the work is done or the time is over. */
const atMost = async (work: Promise<unknown>, ms: number): Promise<void> => {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, timeout]);
  clearTimeout(timer);
};

const runMapping = (mapping: QueueMapping, context: SourceContext): RunningSource => {
  const stopping = new AbortController();
  const matches = compileFilters(mapping.filters, "body");
  const consumer = new QueueConsumer({
    mapping,
    place: { queueArn: mapping.queueArn, senderId: mapping.queueArn.split(":")[4] ?? "" },
    context,
    passes: ({ message }) => matches({ body: message.body }),
    signal: stopping.signal,
  });
  const unsubscribe = context.services.queues.onReady(mapping.queueArn, () => consumer.schedule());
  consumer.schedule();
  return {
    name: `${mapping.queueName} -> ${mapping.functionName}`,
    async stop() {
      unsubscribe();
      stopping.abort(new Error("The event source mapping has been stopped."));
      await atMost(consumer.done(), STOP_MS);
    },
  };
};

export const source: Source = {
  types: ["aws:lambda/eventSourceMapping:EventSourceMapping"],

  async start(node, context) {
    if (!isOfQueue(node)) return undefined;
    const mapping = readMapping(node);
    checkMapping(mapping, context);
    if (mapping.enabled) return runMapping(mapping, context);
    return { name: `${mapping.queueName} -> ${mapping.functionName} (disabled)`, async stop() {} };
  },
};
