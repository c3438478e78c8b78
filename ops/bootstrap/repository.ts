/** The repository that the roles are for, as GitHub names and numbers it. */
import { Type } from "typebox";
import { Compile } from "typebox/compile";
import { UsageError } from "../../local/cli.ts";
import type { Repository } from "./policies.ts";

const OWNER = /^(?!.*--)[A-Za-z0-9](?:[A-Za-z0-9-]{0,37}[A-Za-z0-9])?$/;
const NAME = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}$/;
const NUMBER = /^[1-9]\d{0,19}$/;

/**
 * `owner/name` in its parts.
 * @throws {UsageError} when it cannot be one.
 */
export const parseRepository = (text: string): Pick<Repository, "owner" | "name"> => {
  const [owner = "", name = "", ...more] = text.split("/");
  if (more.length === 0 && OWNER.test(owner) && NAME.test(name) && !name.endsWith(".git"))
    return { owner, name };
  throw new UsageError(
    `--repo is ${JSON.stringify(text)}; it must be GitHub's owner/name, without https://, without .git.`,
  );
};

/**
 * `123/456`, the numbers of owner and repository.
 * @throws {UsageError} when they are none.
 */
export const parseNumbers = (text: string): Pick<Repository, "ownerId" | "id"> => {
  const [ownerId = "", id = "", ...more] = text.split("/");
  if (more.length === 0 && NUMBER.test(ownerId) && NUMBER.test(id)) return { ownerId, id };
  throw new UsageError(
    `--repo-ids is ${JSON.stringify(text)}; it must be two numbers, the owner's and the repository's, as in 123/456.`,
  );
};

const Answer = Compile(
  Type.Object({
    id: Type.Number(),
    name: Type.String(),
    owner: Type.Object({ id: Type.Number(), login: Type.String() }),
  }),
);

/**
 * Asks GitHub for the numbers, and for the names as its tokens spell them.
 * Source: https://docs.github.com/en/rest/repos/repos#get-a-repository
 * @throws {Error} in one sentence with the way out when it does not tell.
 */
export const askGitHub = async (
  { owner, name }: Pick<Repository, "owner" | "name">,
  { api, token }: { api: string; token: string | undefined },
): Promise<Repository> => {
  const wayOut = `Give the numbers yourself: --repo-ids "$(gh api repos/${owner}/${name} --jq '"\\(.owner.id)/\\(.id)"')".`;
  const response = await fetch(`${api}/repos/${owner}/${name}`, {
    headers: {
      accept: "application/vnd.github+json",
      "x-github-api-version": "2022-11-28",
      ...(token && { authorization: `Bearer ${token}` }),
    },
    signal: AbortSignal.timeout(15_000),
  }).catch(() => undefined);
  if (response === undefined) throw new Error(`GitHub (${api}) cannot be reached. ${wayOut}`);
  const answer: unknown = response.ok ? await response.json() : undefined;
  if (!Answer.Check(answer))
    throw new Error(
      `GitHub does not show ${owner}/${name} (it answered ${response.status}): it is misspelt, or private. ${wayOut}`,
    );
  return {
    owner: answer.owner.login,
    name: answer.name,
    ownerId: String(answer.owner.id),
    id: String(answer.id),
  };
};
