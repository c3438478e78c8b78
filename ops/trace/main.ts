/** `npm run trace -- CORRELATION_ID`: the way of one request, reading or order through the system, hop by hop. */
import { parseArgs } from "node:util";
import { run, UsageError } from "../../local/cli.ts";
import type { TraceEvent } from "../../local/kit/trace.ts";
import { runningLocally } from "../shared/target.ts";
import { deployedEvents } from "./deployed.ts";
import { localEvents } from "./local.ts";
import { traceHeading, traceLines, traceTree } from "./tree.ts";

const USAGE = "Usage: npm run trace -- CORRELATION_ID [--stack dev] [--aws [--hours 24]]";
/** As functions take them; anything else no line can name. */
const ID = /^[!-~]{1,128}$/;
const MOST_HOURS = 24 * 30;

function readFlags(argv: string[]) {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      stack: { type: "string", default: "dev" },
      aws: { type: "boolean", default: false },
      hours: { type: "string", default: "24" },
    },
  });
  const [id, ...others] = positionals;
  if (id === undefined || others.length > 0) throw new UsageError(`Say which correlation id. ${USAGE}`);
  if (!ID.test(id)) {
    throw new UsageError(
      `"${id}" is no correlation id: those have 1 to 128 printable ASCII characters without spaces. ${USAGE}`,
    );
  }
  const hours = Number(values.hours);
  if (!(hours > 0 && hours <= MOST_HOURS)) {
    throw new UsageError(
      `--hours is ${values.hours}; it must be a number above 0, at most ${MOST_HOURS}. ${USAGE}`,
    );
  }
  return { ...values, id, hours };
}

type Flags = ReturnType<typeof readFlags>;

async function eventsOf({ aws, stack, id, hours }: Flags, directory: string): Promise<TraceEvent[]> {
  if (!aws) return localEvents(await runningLocally(directory, stack), id);
  return deployedEvents({ directory, stack, id, since: Date.now() - hours * 3_600_000 });
}

async function main(): Promise<void> {
  const flags = readFlags(process.argv.slice(2));
  const tree = traceTree(await eventsOf(flags, process.cwd()));
  if (tree === undefined) {
    const where = flags.aws ? `in the last ${flags.hours} hours` : "or it has been forgotten since";
    throw new Error(
      `No function of stack "${flags.stack}" has written about "${flags.id}" ${where}. The id is in a response's x-correlation-id header and in every log line.`,
    );
  }
  console.log([traceHeading(flags.id, tree), ...traceLines(tree)].join("\n"));
}

await run(main, USAGE);
