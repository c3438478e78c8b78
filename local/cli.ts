/** What every command does with a failure: one clear sentence, and a non-zero exit. */

/** A mistake in how the command was called; its message says what to do instead. */
export class UsageError extends Error {
  override name = "UsageError";
}

const isParseError = (error: unknown): boolean =>
  error instanceof TypeError && String(Reflect.get(error, "code")).startsWith("ERR_PARSE_ARGS");

/** The sentence for an error: its message, without a stack; the whole error with `DEBUG` in the environment. */
function describeError(error: unknown, usage: string, debug: boolean): string {
  if (!(error instanceof Error)) return String(error);
  if (debug && error.stack) return error.stack;
  if (isParseError(error)) return `${error.message.split(/\.\s/)[0]}. ${usage}`;
  return error.message;
}

/**
 * Runs a command; the process ends with exit code 1 when it fails, 2 when it was called wrongly.
 * @param usage what `--help` prints, and what follows the name of a flag there is not
 */
export async function run(main: () => Promise<void>, usage: string): Promise<void> {
  try {
    if (process.argv.slice(2).some((argument) => argument === "--help" || argument === "-h")) {
      console.log(usage);
      return;
    }
    await main();
  } catch (error) {
    console.error(describeError(error, usage, Boolean(process.env.DEBUG)));
    process.exitCode = error instanceof UsageError || isParseError(error) ? 2 : 1;
  }
}

/** What the program itself says, a line each; Pulumi's own debugging is left out. */
export const programLog =
  (write: (line: string) => void) =>
  ({ severity, message }: { severity: string; message: string }): void => {
    if (severity !== "debug") write(`[program] ${severity}: ${message}`);
  };
