/** A line of the raw lake that is written in another way than usual: parsed and judged in full. Pure. */
import { HOUR, parseInstant } from "../shared/instant.ts";
import { type RecordNumbers, TEXT } from "../shared/lake/records.ts";
import { isPrintableId, judgeReading, type Reading } from "../shared/reading.ts";

export interface SlowLine {
  numbers: RecordNumbers;
  bytes: Uint8Array;
  starts: Int32Array;
  ends: Int32Array;
}

interface Origin {
  arrivedAt: number;
  shard: string;
  sequence: string;
  index: number;
}

function readOrigin(line: Record<string, unknown>, hourStart: number): Origin | string {
  const { arrivedAt, shard, sequence, index } = line;
  const arrived = typeof arrivedAt === "string" ? parseInstant(arrivedAt) : Number.NaN;
  if (!(arrived >= hourStart && arrived < hourStart + HOUR)) return "arrivedAt is not in the object's hour";
  if (!isPrintableId(shard)) return "shard is missing or no id";
  if (typeof sequence !== "string" || !/^\d{1,128}$/.test(sequence))
    return "sequence is missing or no number";
  if (!Number.isInteger(index) || Number(index) < 0 || Number(index) > 999_999_999)
    return "index is missing or no position";
  return { arrivedAt: arrived, shard, sequence, index: Number(index) };
}

function toLine(reading: Reading, at: number, origin: Origin): SlowLine {
  const texts: string[] = [];
  texts[TEXT.device] = reading.deviceId;
  texts[TEXT.metric] = reading.metric;
  texts[TEXT.event] = reading.eventId ?? "";
  texts[TEXT.shard] = origin.shard;
  texts[TEXT.sequence] = origin.sequence;
  texts[TEXT.correlation] = reading.correlationId ?? "";
  const [starts, ends] = [new Int32Array(texts.length), new Int32Array(texts.length)];
  let position = 0;
  for (const [text, value] of texts.entries()) {
    starts[text] = position;
    position += value.length;
    ends[text] = position;
  }
  const { arrivedAt, index } = origin;
  const numbers = { at, value: reading.value, arrivedAt, index, repeats: 0 };
  return { numbers, bytes: Buffer.from(texts.join(""), "latin1"), starts, ends };
}

/** The line, or the reason why it is no reading. @param hourStart epoch ms of the hour that it arrived in. */
export function readSlowly(text: Buffer, hourStart: number): SlowLine | string {
  let line: unknown;
  try {
    line = JSON.parse(text.toString("utf8"));
  } catch {
    return "not JSON";
  }
  if (typeof line !== "object" || line === null || Array.isArray(line)) return "not an object";
  const origin = readOrigin(line as Record<string, unknown>, hourStart);
  if (typeof origin === "string") return origin;
  const { arrivedAt, shard, sequence, index, ...reading } = line as Record<string, unknown>;
  const at = judgeReading(reading, origin.arrivedAt);
  return typeof at === "string" ? at : toLine(reading as unknown as Reading, at, origin);
}
