/** Splits a process's output into lines of bounded size. */
import { StringDecoder } from "node:string_decoder";

/** A log event's largest size. Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html */
const MAX_LINE = 1_048_576;

export class LineReader {
  readonly #decoder = new StringDecoder("utf8");
  readonly #onLine: (line: string) => void;
  #rest = "";

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  push(chunk: Buffer): void {
    const parts = (this.#rest + this.#decoder.write(chunk)).split("\n");
    this.#rest = parts.pop() ?? "";
    for (const line of parts) this.#emit(line);
    // A longer line is cut, so that a process that never ends its line cannot fill the memory.
    if (this.#rest.length > MAX_LINE) this.end();
  }

  /** Hands over what is left without a line end. */
  end(): void {
    const line = this.#rest;
    this.#rest = "";
    this.#emit(line);
  }

  #emit(line: string): void {
    if (line === "" || line === "\r") return;
    this.#onLine(line.endsWith("\r") ? line.slice(0, -1) : line);
  }
}
