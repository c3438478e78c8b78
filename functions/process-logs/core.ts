/**
 * Lines -> what is written where. Pure: the same lines give the same objects, part by part, so that a batch or a file
 * that comes again overwrites itself.
 *
 * Entries go to `logs/dt=/hour=` of their own time, what is none to `quarantine/logs/`. Not more than some megabytes
 * are held: the fullest object is handed over first.
 */
import { isUtf8 } from "node:buffer";
import type { AccessEntry, LineOrigin } from "../shared/access-entry.ts";
import { Figures } from "./figures.ts";
import { LONGEST_LINE, parseLine } from "./parse.ts";

/** A month: a file that is spread over more is cut up by its sender. */
const MOST_HOURS = 744;
/** Held before the fullest object is handed over; bytes of text. */
const MOST_HELD = 4 * 1_024 * 1_024;
/** Kept of a quarantined line; the whole line is where it came from. Bytes. */
const KEPT_BYTES = 1_024;

/** One object to be written. */
export interface LogObject {
  key: string;
  /** NDJSON, every line ended. */
  text: string;
}

interface Part {
  number: number;
  lines: string[];
  size: number;
}

/** Lines are added one by one; what is full comes back at once, the rest at the end. */
export class LogWriter {
  readonly figures = new Figures();
  /** Lines that were entries, and that were none, by reason. */
  parsed = 0;
  readonly quarantined = new Map<string, number>();
  readonly #id: string;
  readonly #parts = new Map<string, Part>();
  readonly #hours = new Set<string>();
  #held = 0;

  /** @param id of the batch or file, part of each object's name */
  constructor(id: string) {
    this.#id = id;
  }

  /** @param line its bytes, at most some more than `LONGEST_LINE`. @returns what is to be written now */
  add(line: Buffer, origin: LineOrigin): LogObject[] {
    if (line.length > LONGEST_LINE) return this.refuse(`line is over ${LONGEST_LINE} bytes`, line, origin);
    if (!isUtf8(line)) return this.refuse("not UTF-8", line, origin);
    const entry = parseLine(line.toString());
    if (typeof entry === "string") return this.refuse(entry, line, origin);
    const hour = `dt=${entry.at.slice(0, 10)}/hour=${entry.at.slice(11, 13)}`;
    if (!this.#takesHour(hour)) return this.refuse(`more than ${MOST_HOURS} hours in one file`, line, origin);
    this.parsed += 1;
    this.figures.add(entry);
    return this.#keep(`logs/${hour}`, entryLine(entry, origin));
  }

  /** Quarantines what is no line of its own, e.g. the rest of a broken file. */
  refuse(reason: string, bytes: Buffer, origin: LineOrigin): LogObject[] {
    this.quarantined.set(reason, (this.quarantined.get(reason) ?? 0) + 1);
    const data = bytes.subarray(0, KEPT_BYTES).toString("base64");
    return this.#keep("quarantine/logs", JSON.stringify({ reason, ...origin, data }));
  }

  /** What is left. */
  end(): LogObject[] {
    return [...this.#parts.keys()].sort().flatMap((folder) => this.#take(folder));
  }

  #takesHour(hour: string): boolean {
    if (!this.#hours.has(hour) && this.#hours.size >= MOST_HOURS) return false;
    this.#hours.add(hour);
    return true;
  }

  #keep(folder: string, line: string): LogObject[] {
    const part = this.#parts.get(folder) ?? { number: 0, lines: [], size: 0 };
    this.#parts.set(folder, part);
    part.lines.push(line);
    part.size += line.length;
    this.#held += line.length;
    if (this.#held < MOST_HELD) return [];
    const [fullest] = [...this.#parts].sort(([, a], [, b]) => b.size - a.size);
    return fullest === undefined ? [] : this.#take(fullest[0]);
  }

  #take(folder: string): LogObject[] {
    const part = this.#parts.get(folder);
    if (part === undefined || part.lines.length === 0) return [];
    const suffix = folder.startsWith("logs/") ? "ndjson.zst" : "ndjson";
    const key = `${folder}/${this.#id}-${String(part.number).padStart(5, "0")}.${suffix}`;
    const text = `${part.lines.join("\n")}\n`;
    this.#held -= part.size;
    this.#parts.set(folder, { number: part.number + 1, lines: [], size: 0 });
    return [{ key, text }];
  }
}

const entryLine = (entry: AccessEntry, origin: LineOrigin): string => JSON.stringify({ ...entry, ...origin });
