/**
 * The changes of every table in one file of JSON lines: a line per stream, and after it a line per change. Saved when
 * the runtime stops, read when it starts, so that what has not been delivered is delivered in the next run; what a
 * killed runtime had not saved is lost.
 */
import { createReadStream, createWriteStream } from "node:fs";
import { rename } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ChangeStream, StreamRecord } from "./dynamodb-change.ts";
import type { ChangeStreams } from "./dynamodb-streams.ts";

interface StreamLine {
  readonly stream: Omit<ChangeStream, "records" | "checkpoints"> & {
    readonly checkpoints: readonly (readonly [string, number])[];
  };
}

interface RecordLine {
  readonly record: StreamRecord;
}

function* lines(streams: ChangeStreams): Generator<string> {
  for (const { records, checkpoints, ...stream } of streams.all) {
    const line: StreamLine = { stream: { ...stream, checkpoints: [...checkpoints] } };
    yield `${JSON.stringify(line)}\n`;
    for (const record of records) yield `${JSON.stringify({ record } satisfies RecordLine)}\n`;
  }
}

const fileIn = (dataDir: string): string => join(dataDir, "dynamodb-changes.jsonl");

/** Writes everything that is kept, where there is a folder for it; the file is either the old or the new one, never half of it. */
export const saveChanges = async (streams: ChangeStreams, dataDir: string | undefined): Promise<void> => {
  if (dataDir === undefined) return;
  const file = fileIn(dataDir);
  await pipeline(Readable.from(lines(streams)), createWriteStream(`${file}.new`));
  await rename(`${file}.new`, file);
};

const readLine = (text: string, stream: ChangeStream | undefined): ChangeStream => {
  const line = JSON.parse(text) as StreamLine | RecordLine;
  if ("stream" in line) {
    return { ...line.stream, checkpoints: new Map(line.stream.checkpoints), records: [] };
  }
  if (stream === undefined) throw new Error("it has a change of no stream");
  stream.records.push(line.record);
  return stream;
};

/**
 * Puts the saved streams into service; a file that does not exist holds none.
 * @throws Error naming the file, the line and the cure when it cannot be read.
 */
export const loadChanges = async (streams: ChangeStreams, dataDir: string | undefined): Promise<void> => {
  if (dataDir === undefined) return;
  const file = fileIn(dataDir);
  let stream: ChangeStream | undefined;
  let number = 0;
  try {
    const input = createReadStream(file);
    for await (const text of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
      number += 1;
      stream = readLine(text, stream);
      streams.adopt(stream);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    const why = error instanceof Error ? error.message : String(error);
    const cure = "Delete the file to go on without the changes that were not delivered.";
    throw new Error(`${file}, line ${number}, is no saved change: ${why}. ${cure}`, {
      cause: error,
    });
  }
};
