/** Sends any number of messages to a queue, in batches. */
import {
  SendMessageBatchCommand,
  type SendMessageBatchRequestEntry,
  type SQSClient,
} from "@aws-sdk/client-sqs";

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html */
const MOST = 10;
const ATTEMPTS = 3;

/** Sends one batch; @returns those that the queue did not take. */
async function sendBatch(
  client: SQSClient,
  url: string,
  entries: SendMessageBatchRequestEntry[],
): Promise<SendMessageBatchRequestEntry[]> {
  const { Failed = [] } = await client.send(new SendMessageBatchCommand({ QueueUrl: url, Entries: entries }));
  const fault = Failed.find(({ SenderFault }) => SenderFault);
  if (fault) throw new Error(`Queue ${url} refuses a message: ${fault.Code} ${fault.Message ?? ""}`);
  const failed = new Set(Failed.map(({ Id }) => Id));
  return entries.filter(({ Id }) => failed.has(Id));
}

/**
 * Sends the bodies as JSON. What the queue does not take of a batch is sent again, three times at most.
 *
 * @param delaySeconds before the messages can be received, 0-900. @default 0
 * @throws when a message could not be sent; others may have been.
 */
export async function sendMessages(
  client: SQSClient,
  url: string,
  bodies: readonly object[],
  delaySeconds = 0,
): Promise<void> {
  for (let start = 0; start < bodies.length; start += MOST) {
    let entries = bodies.slice(start, start + MOST).map((body, index) => ({
      Id: String(index),
      MessageBody: JSON.stringify(body),
      DelaySeconds: delaySeconds,
    }));
    for (let attempt = 1; entries.length > 0; attempt++) {
      if (attempt > ATTEMPTS)
        throw new Error(`Queue ${url} did not take ${entries.length} messages in ${ATTEMPTS} attempts.`);
      entries = (await sendBatch(client, url, entries)) as typeof entries;
    }
  }
}
