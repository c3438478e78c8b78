/**
 * `npm run cost -- --stack prod --devices 10000 --every 10s`: a month of the stack under a load, in dollars, per service
 * and function, beside the same load on machines and in containers. docs/cost.md says how it is calculated.
 */
import { run } from "../../local/cli.ts";
import { evaluate } from "../../local/engine/program.ts";
import { readSettings } from "../../local/engine/settings.ts";
import { readBaseline } from "../shared/baseline.ts";
import { completeLoad } from "../shared/load.ts";
import { type CostArguments, readArguments, readJson, USAGE } from "./arguments.ts";
import { brokenBounds, type Difference, differenceOf } from "./diff.ts";
import { readPrices } from "./prices.ts";
import { statementMarkdown, statementText } from "./report.ts";
import { knownOf } from "./settings.ts";
import { type Statement, statementOf } from "./statement.ts";

/** Everything that can be wrong with what was given is refused before the program is evaluated. */
const statementFor = async (given: CostArguments): Promise<Statement> => {
  const directory = process.cwd();
  completeLoad(given.load, given.from);
  const settings = await readSettings(directory, given.stack);
  const [prices, baseline] = [await readPrices(given.prices), await readBaseline(directory)];
  const graph = await evaluate({ directory, stack: given.stack, settings, dryRun: false });
  return statementOf({
    graph,
    given: given.load,
    from: given.from,
    prices,
    baseline,
    freeTier: given.freeTier,
    known: knownOf(settings),
  });
};

const output = (statement: Statement, difference: Difference | undefined, format: string): string => {
  if (format === "json") return JSON.stringify({ ...statement, difference }, null, 2);
  return format === "markdown"
    ? statementMarkdown(statement, difference)
    : statementText(statement, difference);
};

const main = async (): Promise<void> => {
  const given = await readArguments();
  const base = given.diff === undefined ? undefined : await readJson("--diff", given.diff);
  const statement = await statementFor(given);
  const difference = base === undefined ? undefined : differenceOf(statement, base, given.diff ?? "");
  console.log(output(statement, difference, given.format));
  const broken = brokenBounds(statement, difference, given);
  if (broken.length > 0) throw new Error(broken.join(" "));
};

await run(main, USAGE);
