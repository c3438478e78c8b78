/**
 * `npm run bootstrap -- --repo owner/name [--region us-east-1] [--yes]`: what an AWS account needs once, so that the
 * repository's workflows can deploy to it and nothing is stored: a bucket for the state, a key for its secrets, GitHub
 * as an identity provider, and two roles. Shows first what it will do; does nothing twice.
 */
import { readdir } from "node:fs/promises";
import { createInterface } from "node:readline/promises";
import { parseArgs } from "node:util";
import { run, UsageError } from "../../local/cli.ts";
import { evaluate } from "../../local/engine/program.ts";
import { readSettings, type StackSettings } from "../../local/engine/settings.ts";
import { createClients, explain, whoAmI } from "./account.ts";
import { nextSteps, type Target, tasksOf } from "./plan.ts";
import { type Needs, needsOf, type Repository } from "./policies.ts";
import { askGitHub, parseNumbers, parseRepository } from "./repository.ts";
import { bringAbout } from "./run.ts";

const USAGE =
  "Usage: npm run bootstrap -- --repo owner/name [--repo-ids 123/456] [--region us-east-1] [--yes]";
const REGION = /^[a-z]{2}(?:-[a-z]+){1,3}-\d$/;
const STACK_FILE = /^Pulumi\.([A-Za-z0-9_-]+)\.yaml$/;
const DEFAULT_REGION = "us-east-1";

interface Flags {
  repo: string;
  numbers: string | undefined;
  region: string | undefined;
  yes: boolean;
}

const readFlags = (args: string[]): Flags => {
  const { values } = parseArgs({
    args,
    options: {
      repo: { type: "string" },
      "repo-ids": { type: "string" },
      region: { type: "string" },
      yes: { type: "boolean", default: false },
    },
  });
  const { repo, region } = values;
  if (repo === undefined) throw new UsageError(`Say for which repository. ${USAGE}`);
  if (region !== undefined && !REGION.test(region))
    throw new UsageError(`--region is ${JSON.stringify(region)}; it must be an AWS region, as in us-east-1.`);
  return { repo, numbers: values["repo-ids"], region, yes: values.yes };
};

const repositoryOf = async ({ repo, numbers }: Flags): Promise<Repository> => {
  const named = parseRepository(repo);
  if (numbers !== undefined) return { ...named, ...parseNumbers(numbers) };
  const { GITHUB_API_URL: api = "https://api.github.com", GITHUB_TOKEN: token } = process.env;
  return askGitHub(named, { api, token });
};

const stacksOf = async (directory: string): Promise<StackSettings[]> => {
  const names = (await readdir(directory)).flatMap((file) => STACK_FILE.exec(file)?.[1] ?? []).sort();
  if (names.length === 0)
    throw new Error("There is no Pulumi.<stack>.yaml here: start in the project's folder.");
  return Promise.all(names.map((stack) => readSettings(directory, stack)));
};

/** What the stacks are made of decides what the roles may do. */
const needsOfStacks = async (directory: string, stacks: readonly StackSettings[]): Promise<Needs> =>
  needsOf(
    await Promise.all(
      stacks.map((settings) => evaluate({ directory, stack: settings.stack, settings, dryRun: true })),
    ),
  );

const agreesOnTerminal = async (): Promise<boolean> => {
  if (!process.stdin.isTTY) {
    console.log("Nothing was done. Add --yes to do it.");
    return false;
  }
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await terminal.question("Do this? [y/N] ");
  terminal.close();
  return /^y(?:es)?$/i.test(answer.trim());
};

const main = async (): Promise<void> => {
  const flags = readFlags(process.argv.slice(2));
  const directory = process.cwd();
  const repository = await repositoryOf(flags);
  const stacks = await stacksOf(directory);
  const regions = [...new Set(stacks.map(({ config }) => config["aws:region"] ?? DEFAULT_REGION))];
  const region = flags.region ?? regions[0] ?? DEFAULT_REGION;
  const clients = createClients(region);
  try {
    const { account, partition, arn } = await whoAmI(clients);
    console.log(`Account ${account}, region ${region}, as ${arn}.`);
    const target: Target = {
      project: stacks[0]?.project ?? "",
      stacks: stacks.map(({ stack }) => stack),
      place: { account, partition, region, regions },
      repository,
      needs: await needsOfStacks(directory, stacks),
    };
    const dialogue = {
      say: (line: string) => console.log(line),
      agrees: async () => flags.yes || agreesOnTerminal(),
    };
    const { needed, done } = await bringAbout(tasksOf(clients, target), dialogue);
    if (needed.length === 0 || done.length > 0) console.log(`\n${nextSteps(target)}`);
  } catch (error) {
    throw explain(error);
  }
};

await run(main, USAGE);
