/**
 * What a program says, from the lines of its output. Without an Engine service to talk to, Pulumi's SDK writes its log
 * there: `info: [runtime] text` to the output, `warning:` and `error:` to the error stream. (With one, it sends every
 * debug message as a call of its own, several per resource, which took a third of an evaluation.)
 * Source: @pulumi/pulumi/log.
 */
type Severity = "info" | "warning" | "error";

export interface LogEntry {
  severity: Severity;
  message: string;
}

const MARKED = /^(?<severity>info|warning|error): \[runtime\] (?<message>.*)$/;
/** Most lines that are kept of one error; a stack of fifty frames and its words fit. */
const MAX_ERROR_LINES = 200;

/** Sorts lines into messages and errors. An error goes on until the next marked line: its stack follows it. */
export class LogLines {
  readonly #onLog: (entry: LogEntry) => void;
  readonly #errors: string[][] = [];
  #inError = false;

  constructor(onLog: (entry: LogEntry) => void) {
    this.#onLog = onLog;
  }

  /** The errors that the program logged, first to last, with their stacks. */
  get errors(): string[] {
    return this.#errors.map((lines) => lines.join("\n"));
  }

  output(line: string): void {
    this.#onLog({ severity: "info", message: MARKED.exec(line)?.groups?.message ?? line });
  }

  error(line: string): void {
    const { severity, message } = MARKED.exec(line)?.groups ?? {};
    if (severity === "error") this.#errors.push([message ?? ""]);
    if (severity !== undefined) this.#inError = severity === "error";
    if (severity === "error") return;
    const current = this.#inError ? this.#errors.at(-1) : undefined;
    if (!current) this.#onLog({ severity: "warning", message: message ?? line });
    else if (current.length < MAX_ERROR_LINES) current.push(line);
  }
}
