/**
 * Errors that people read: the culprit, where it is, and the cure.
 */

/** A place in the program's source; line and column count from 1, as editors do. */
export interface SourcePlace {
  /** Relative to the project. */
  file: string;
  line: number;
  column: number;
  /** The line's own text. */
  text: string;
}

/** What a callback does that cannot travel to Lambda. */
export interface CaptureProblem {
  functionName: string;
  place: SourcePlace;
  /** What is wrong, e.g. "'readings.name' is used without .get()". */
  problem: string;
  /** What to do instead, as a sentence. */
  cure: string;
}

const LINE_SHOWN = 160;

/** A callback cannot be packaged: `file:line:col`, the source line, what is wrong and what to do. */
export class CaptureError extends Error {
  readonly place: SourcePlace;

  constructor({ functionName, place, problem, cure }: CaptureProblem) {
    const line = place.text.trim().slice(0, LINE_SHOWN);
    super(
      `${place.file}:${place.line}:${place.column}: Function "${functionName}": ${problem}.\n    ${line}\n  ${cure}`,
    );
    this.name = "CaptureError";
    this.place = place;
  }
}

/** A function's package cannot be made: bundling, size, natives or the cache. */
export class PackagingError extends Error {
  constructor(functionName: string, message: string) {
    super(`Function "${functionName}": ${message}`);
    this.name = "PackagingError";
  }
}
