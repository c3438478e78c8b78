/**
 * Trigger: the changes of the orders table. Tells the bus `OrderPlaced` and `OrderFulfilled`.
 *
 * Failure contract: an entry that the bus does not take is tried again from the change it came from on; those before it
 * are done. A change that holds no order is logged and counted, and never blocks those behind it. Idempotency: a change
 * that is delivered again is published again, with the same `eventId` and the same detail, since both follow from the
 * order alone; consumers must take an event twice and in any order.
 *
 * Source: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
 */
import { EventBridgeClient, PutEventsCommand } from "@aws-sdk/client-eventbridge";
import type { DynamoDBBatchResponse, DynamoDBRecord, DynamoDBStreamEvent } from "aws-lambda";
import { CLIENT_OPTIONS } from "../shared/clients.ts";
import { createLogger, type Logger } from "../shared/logger.ts";
import { emitMetrics } from "../shared/metrics.ts";
import type { OrderEvent } from "../shared/order-events.ts";
import { chunks, MAX_ENTRIES, publicationOf, toEntry } from "./core.ts";

const SERVICE = "publish-order-events";

const events = new EventBridgeClient(CLIENT_OPTIONS);
const log = createLogger({ service: SERVICE });

export interface PublishDeps {
  /** Name of the event bus. */
  bus: string;
  /** Replaced in tests. */
  client?: EventBridgeClient;
  logger?: Logger;
  emit?: typeof emitMetrics;
}

/** An event, and the sequence number of the change that it comes from. */
interface Pending {
  sequenceNumber: string;
  event: OrderEvent;
}

function readable(records: DynamoDBRecord[], logger: Logger): { pending: Pending[]; unreadable: number } {
  const pending: Pending[] = [];
  let unreadable = 0;
  for (const record of records) {
    const sequenceNumber = record.dynamodb?.SequenceNumber ?? "";
    const publication = publicationOf(record);
    if (publication.kind === "event") pending.push({ sequenceNumber, event: publication.event });
    if (publication.kind !== "unreadable") continue;
    unreadable += 1;
    const { reason, correlationId } = publication;
    logger.error("change left out", { sequenceNumber, eventId: record.eventID, reason, correlationId });
  }
  return { pending, unreadable };
}

/** Publishes up to ten. @returns the first that the bus did not take */
async function publish(
  { client, bus, logger }: Required<Pick<PublishDeps, "client" | "bus" | "logger">>,
  chunk: Pending[],
): Promise<Pending | undefined> {
  const command = new PutEventsCommand({ Entries: chunk.map(({ event }) => toEntry(bus, event)) });
  const { Entries = [] } = await client.send(command);
  let failed: Pending | undefined;
  for (const [index, pending] of chunk.entries()) {
    const { eventId, orderId, correlationId } = pending.event.detail;
    const { ErrorCode, ErrorMessage } = Entries[index] ?? {};
    const fields = { eventId, orderId, correlationId, type: pending.event.type };
    if (ErrorCode === undefined) logger.info("event published", fields);
    else logger.warn("event not taken", { ...fields, ErrorCode, ErrorMessage });
    if (ErrorCode !== undefined) failed ??= pending;
  }
  return failed;
}

/** Publishes what a batch of changes has to tell. */
export async function publishOrderEvents(
  event: DynamoDBStreamEvent,
  deps: PublishDeps,
): Promise<DynamoDBBatchResponse> {
  const { client = events, bus, logger = log, emit = emitMetrics } = deps;
  const { pending, unreadable } = readable(event.Records, logger);
  let failed: Pending | undefined;
  for (const chunk of chunks(pending, MAX_ENTRIES)) {
    failed = await publish({ client, bus, logger }, chunk);
    if (failed !== undefined) break;
  }
  const published = failed === undefined ? pending.length : pending.indexOf(failed);
  if (event.Records.length > 0) emit(SERVICE, { publishedEvents: published, unreadableChanges: unreadable });
  return { batchItemFailures: failed ? [{ itemIdentifier: failed.sequenceNumber }] : [] };
}
