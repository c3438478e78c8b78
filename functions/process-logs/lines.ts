/**
 * Trigger: the API's access log, by a subscription filter. Entries go to the lake's `logs/`, lines that are none to
 * `quarantine/logs/`, figures per minute become metrics of the service `access-log`.
 *
 * Failure contract: it throws when an object cannot be written, and Lambda runs it again with the same lines; bad lines
 * never fail a batch. Idempotency: objects are named by the batch's event ids and overwrite themselves; the metrics of
 * a batch are emitted once (a manifest is written on the condition that there is none).
 */
import { createHash } from "node:crypto";
import { LogWriter } from "./core.ts";
import { finish, type LogDeps, surroundings, writeObjects } from "./store.ts";

/** What the log group's subscription hands over. */
export interface LineBatch {
  logGroup: string;
  logStream: string;
  lines: { id: string; timestamp: number; message: string }[];
}

/** The same for the same lines. */
const idOf = ({ logGroup, lines }: LineBatch): string => {
  const hash = createHash("sha256").update(logGroup);
  for (const { id } of lines) hash.update(`\n${id}`);
  return hash.digest("hex").slice(0, 32);
};

/** Writes a batch of access log lines to the lake. */
export async function processLogLines(batch: LineBatch, deps: LogDeps): Promise<void> {
  if (batch.lines.length === 0) return;
  const around = surroundings(deps);
  const { logGroup, logStream, lines } = batch;
  const id = idOf(batch);
  const writer = new LogWriter(id);
  for (const { id: eventId, message } of lines) {
    const line = Buffer.from(message.replace(/\r?\n$/, ""));
    await writeObjects(writer.add(line, { logGroup, logStream, eventId }), around);
  }
  await finish(writer, { id, service: "access-log", origin: { logGroup, logStream } }, around);
}
