/** Where in the program something was written: pure reading of stack frames, for messages people can click. */
import path from "node:path";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";

export interface Frame {
  /** Absolute path. */
  file: string;
  line: number;
  column: number;
}

const FRAME =
  /^\s*at (?:.*\()?(?<file>(?:file:\/\/)?\/[^()]*?|[A-Za-z]:\\[^()]*?):(?<line>\d+):(?<column>\d+)\)?$/;

/**
 * The path in a frame's URI. Pulumi turns a frame's file into a URL even when it is one already (ES modules), so
 * `file:///project/file:/project/index.ts` stands for `/project/index.ts`.
 */
export const framePath = (uri: string): string => {
  const inner = uri.lastIndexOf("file:/");
  const url = inner > 0 ? `file://${uri.slice(inner + "file:".length)}` : uri;
  try {
    return url.startsWith("file:") ? fileURLToPath(url) : url;
  } catch {
    return url;
  }
};

const isOwn = (frame: Frame, directory: string): boolean => {
  const relative = path.relative(directory, frame.file);
  return !relative.startsWith("..") && !path.isAbsolute(relative) && !relative.includes("node_modules");
};

const format = (frame: Frame, directory: string): string =>
  `${path.relative(directory, frame.file)}:${frame.line}:${frame.column}`;

/** The frames of an error's stack, innermost first; lines that are no frame are skipped. */
export const framesOf = (stack: string): Frame[] =>
  stripVTControlCharacters(stack)
    .split("\n")
    .flatMap((line) => {
      const groups = FRAME.exec(line)?.groups;
      if (!groups?.file) return [];
      return [{ file: framePath(groups.file), line: Number(groups.line), column: Number(groups.column) }];
    });

/**
 * `file:line:column` of the innermost of the program's own frames and, where another file called it, of the
 * outermost: `components/queue.ts:80:11, called from stacks/orders.ts:12:3`. Nothing when no frame is its own.
 */
export const programPosition = (frames: Frame[], directory: string): string | undefined => {
  const own = frames.filter((frame) => isOwn(frame, directory));
  const inner = own.at(0);
  const outer = own.findLast((frame) => path.basename(frame.file) !== "index.ts") ?? own.at(-1);
  if (!inner || !outer) return undefined;
  const text = format(inner, directory);
  return outer.file === inner.file ? text : `${text}, called from ${format(outer, directory)}`;
};

/** The innermost own frame alone, as recorded with each resource. */
export const innermost = (frames: Frame[], directory: string): string | undefined => {
  const frame = frames.find((candidate) => isOwn(candidate, directory));
  return frame && format(frame, directory);
};

const UNHANDLED = /^Running program '[^']*' failed with an unhandled exception:\s*/;

/** What an error that the program logged says, without its stack and Pulumi's preamble. */
export const headline = (logged: string): string => {
  const text = stripVTControlCharacters(logged).replace(UNHANDLED, "");
  const head = text.split(/\n\s+at /)[0] ?? text;
  return head.replace(/^(?:Uncaught )?Error: /, "").trim();
};

/** An error that the program logged, as one sentence with its place in the program. */
export const rootCause = (logged: string, directory: string): string => {
  const position = programPosition(framesOf(logged), directory);
  const head = headline(logged);
  return position ? `${head} (${position})` : head;
};
