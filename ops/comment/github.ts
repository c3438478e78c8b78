/**
 * One comment on a pull request, updated in place.
 * Source: https://docs.github.com/en/rest/issues/comments
 */
import { type Static, Type } from "typebox";
import { Compile } from "typebox/compile";

export interface PullRequest {
  /** `https://api.github.com`, or that of an own server. */
  api: string;
  /** `owner/name`. */
  repository: string;
  number: number;
  /** May write to pull requests. */
  token: string;
}

const Comment = Type.Object({
  id: Type.Number(),
  body: Type.Optional(Type.String()),
  user: Type.Union([Type.Null(), Type.Object({ type: Type.String() })]),
});
const comments = Compile(Type.Array(Comment));

const PER_PAGE = 100;
const MOST_PAGES = 50;

/**
 * Writes the comment that starts with `marker`: over an earlier one of a bot, or as a new one.
 * @throws {Error} in one sentence when GitHub refuses.
 */
export const putComment = async (
  pull: PullRequest,
  marker: string,
  body: string,
): Promise<"created" | "updated"> => {
  const earlier = await findComment(pull, marker);
  const path = earlier ? `issues/comments/${earlier.id}` : `issues/${pull.number}/comments`;
  await request(pull, path, { method: earlier ? "PATCH" : "POST", body: JSON.stringify({ body }) });
  return earlier ? "updated" : "created";
};

const findComment = async (
  pull: PullRequest,
  marker: string,
): Promise<Static<typeof Comment> | undefined> => {
  for (let page = 1; page <= MOST_PAGES; page += 1) {
    const listed = await request(pull, `issues/${pull.number}/comments?per_page=${PER_PAGE}&page=${page}`);
    if (!comments.Check(listed))
      throw new Error("GitHub's list of comments has another form than documented.");
    // A person's comment with the marker in it is not ours to change.
    const found = listed.find(({ body, user }) => user?.type === "Bot" && body?.startsWith(marker));
    if (found || listed.length < PER_PAGE) return found;
  }
  return undefined;
};

const request = async (pull: PullRequest, path: string, init: RequestInit = {}): Promise<unknown> => {
  const response = await fetch(`${pull.api}/repos/${pull.repository}/${path}`, {
    ...init,
    headers: {
      accept: "application/vnd.github+json",
      authorization: `Bearer ${pull.token}`,
      "content-type": "application/json",
      "x-github-api-version": "2022-11-28",
    },
    signal: AbortSignal.timeout(30_000),
  });
  if (response.ok) return response.json();
  const why = response.status === 403 ? " Does the job have `pull-requests: write`?" : "";
  throw new Error(
    `GitHub answered ${response.status} to ${init.method ?? "GET"} ${path.split("?")[0]} of ${pull.repository}.${why}`,
  );
};
