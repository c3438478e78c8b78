/** What a long command is doing: one line that is overwritten on a terminal, a line per step elsewhere. */
export interface Progress {
  step(text: string): void;
  /** A line of its own that stays. */
  note(text: string): void;
  /** Clears the progress line. */
  end(): void;
}

/** @param stream where it is written, e.g. `process.stderr`; in CI (no terminal) only the steps' own lines. */
export function createProgress(stream: { isTTY?: boolean; write(text: string): unknown }): Progress {
  const clear = stream.isTTY ? "\r\u001b[2K" : "";
  return {
    step: (text) => void stream.write(stream.isTTY ? `${clear}${text} ...` : `${text}\n`),
    note: (text) => void stream.write(`${clear}${text}\n`),
    end: () => void stream.write(clear),
  };
}
