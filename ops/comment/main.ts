/**
 * What the preview workflow says of a pull request, from the files its jobs left: into the job's summary, or as the
 * pull request's one comment. `GITHUB_TOKEN`, `GITHUB_REPOSITORY`, `GITHUB_API_URL` and `COMMIT` come from the job.
 */
import { appendFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { run, UsageError } from "../../local/cli.ts";
import { commentBody, MARKER } from "./body.ts";
import { type PullRequest, putComment } from "./github.ts";
import { readReports } from "./reports.ts";

const STACKS = ["dev", "prod"];
const USAGE = "Usage: node ops/run.mjs ops/comment/main.ts --reports DIR (--summary FILE | --pull-request N)";

const pullRequestOf = (number: string, environment: NodeJS.ProcessEnv): PullRequest => {
  const { GITHUB_TOKEN: token, GITHUB_REPOSITORY: repository, GITHUB_API_URL: api } = environment;
  if (!/^[1-9]\d{0,9}$/.test(number))
    throw new UsageError(`--pull-request is ${JSON.stringify(number)}; it must be a pull request's number.`);
  if (!repository || !/^[\w.-]+\/[\w.-]+$/.test(repository))
    throw new UsageError("GITHUB_REPOSITORY must be owner/name, as GitHub Actions sets it.");
  if (!token) throw new UsageError("GITHUB_TOKEN must be a token that may write to pull requests.");
  return { api: api ?? "https://api.github.com", repository, number: Number(number), token };
};

const main = async (): Promise<void> => {
  const { values } = parseArgs({
    options: {
      reports: { type: "string" },
      summary: { type: "string" },
      "pull-request": { type: "string" },
    },
  });
  const { reports, summary, "pull-request": number } = values;
  if (reports === undefined || (summary === undefined) === (number === undefined))
    throw new UsageError(USAGE);
  const pull = number === undefined ? undefined : pullRequestOf(number, process.env);
  const body = commentBody(await readReports(reports, STACKS), process.env.COMMIT ?? "unknown");
  if (summary !== undefined) await appendFile(summary, `${body}\n`);
  if (pull) console.log(`The comment was ${await putComment(pull, MARKER, body)}.`);
};

await run(main, USAGE);
