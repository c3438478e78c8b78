import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import { MARKER } from "../../../ops/comment/body.ts";
import { type PullRequest, putComment } from "../../../ops/comment/github.ts";
import { ROOT } from "../../helpers/source-files.ts";

interface Comment {
  id: number;
  body: string;
  user: { type: string };
}

const readBody = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
};

/** The few calls of GitHub's API for comments of one pull request. */
class GitHub {
  readonly comments: Comment[] = [];
  refuse: number | undefined;
  readonly #server: Server = createServer(async (request, response) => {
    const { status, answer } = this.#answer(request, await readBody(request));
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(answer));
  });

  async listen(): Promise<string> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  #answer({ method, url = "", headers }: IncomingMessage, text: string): { status: number; answer: unknown } {
    if (this.refuse !== undefined) return { status: this.refuse, answer: { message: "no" } };
    if (headers.authorization !== "Bearer token") return { status: 401, answer: {} };
    const { pathname, searchParams } = new URL(url, "http://x");
    const page = Number(searchParams.get("page"));
    if (method === "GET" && pathname === "/repos/o/r/issues/7/comments")
      return { status: 200, answer: this.comments.slice((page - 1) * 100, page * 100) };
    const { body } = JSON.parse(text);
    if (method === "POST" && pathname === "/repos/o/r/issues/7/comments") {
      this.comments.push({ id: this.comments.length + 1, body, user: { type: "Bot" } });
      return { status: 201, answer: this.comments.at(-1) };
    }
    const found = this.comments.find(({ id }) => pathname === `/repos/o/r/issues/comments/${id}`);
    if (method !== "PATCH" || !found) return { status: 404, answer: {} };
    found.body = body;
    return { status: 200, answer: found };
  }
}

describe("ops/comment: GitHub", () => {
  let github: GitHub;
  let pull: PullRequest;

  beforeEach(async () => {
    github = new GitHub();
    pull = { api: await github.listen(), repository: "o/r", number: 7, token: "token" };
  });

  afterEach(() => github.close());

  it("writes one comment, and over it from then on", async () => {
    expect(await putComment(pull, MARKER, `${MARKER}\nfirst`)).to.equal("created");
    expect(await putComment(pull, MARKER, `${MARKER}\nsecond`)).to.equal("updated");

    expect(github.comments.map(({ body }) => body)).to.deep.equal([`${MARKER}\nsecond`]);
  });

  it("finds its comment behind hundreds of others", async () => {
    const others = (count: number): Comment[] =>
      Array.from({ length: count }, (_, id) => ({ id: 1_000 + id, body: "hello", user: { type: "User" } }));
    github.comments.push(
      ...others(200),
      { id: 1, body: `${MARKER}\nold`, user: { type: "Bot" } },
      ...others(50),
    );

    expect(await putComment(pull, MARKER, `${MARKER}\nnew`)).to.equal("updated");
    expect(github.comments[200]?.body).to.equal(`${MARKER}\nnew`);
  });

  it("leaves a person's comment with the marker alone", async () => {
    github.comments.push({ id: 1, body: `${MARKER}\nmine`, user: { type: "User" } });

    expect(await putComment(pull, MARKER, `${MARKER}\nnew`)).to.equal("created");
    expect(github.comments[0]?.body).to.equal(`${MARKER}\nmine`);
  });

  it("says what GitHub refused, and what a 403 is likely to mean", async () => {
    github.refuse = 403;
    const failure = await putComment(pull, MARKER, "x").catch((error: Error) => error.message);
    expect(failure).to.equal(
      "GitHub answered 403 to GET issues/7/comments of o/r. Does the job have `pull-requests: write`?",
    );
  });

  describe("the command", () => {
    let reports: string;
    const command = async (args: string[], environment: Record<string, string> = {}) => {
      const argv = [join(ROOT, "ops/comment/main.ts"), ...args];
      const env = { PATH: process.env.PATH ?? "", ...environment };
      try {
        return { code: 0, ...(await promisify(execFile)(process.execPath, argv, { env })) };
      } catch (error) {
        return error as { code: number; stdout: string; stderr: string };
      }
    };

    beforeEach(() => {
      reports = mkdtempSync(join(tmpdir(), "reports-"));
      const plan = {
        totals: { resources: 3, functions: 0, zipBytes: 0 },
        functions: [],
        problems: [],
        more: 1,
      };
      writeFileSync(join(reports, "plan-dev.json"), JSON.stringify(plan));
      writeFileSync(join(reports, "plan-prod.json"), '{"totals":');
      writeFileSync(join(reports, "preview-dev.json"), '{"changeSummary":{"create":3},"steps":[]}');
      writeFileSync(join(reports, "cost.md"), "1.00 $ more\n");
    });

    afterEach(() => rmSync(reports, { recursive: true, force: true }));

    it("adds to a job's summary, without a token, whatever of the files is missing or broken", async () => {
      const summary = join(reports, "summary.md");
      writeFileSync(summary, "before\n");

      const { code } = await command(["--reports", reports, "--summary", summary], { COMMIT: "abcdef0123" });

      expect(code).to.equal(0);
      const text = readFileSync(summary, "utf8");
      expect(text).to.match(/^before\n/);
      expect(text).to.contain("### Preview of `abcdef0`");
      expect(text).to.contain("| dev | 3 | 0 | 0.0 KB | not asked | 3 to create |");
      expect(text).to.contain("| prod | **no plan**: see the job |");
      expect(text).to.contain("1.00 $ more");
    });

    it("writes the pull request's comment", async () => {
      const environment = { GITHUB_TOKEN: "token", GITHUB_REPOSITORY: "o/r", GITHUB_API_URL: pull.api };

      const { code, stdout } = await command(["--reports", reports, "--pull-request", "7"], environment);

      expect({ code, stdout }).to.deep.equal({ code: 0, stdout: "The comment was created.\n" });
      expect(github.comments[0]?.body).to.match(/^<!-- preview of/);
    });

    it("refuses a wrong call in one sentence and with exit code 2", async () => {
      const pullRequest = ["--reports", reports, "--pull-request"];
      const good = { GITHUB_TOKEN: "token", GITHUB_REPOSITORY: "o/r" };
      const calls: [string[], Record<string, string>][] = [
        [[], good],
        [["--reports", reports], good],
        [[...pullRequest, "../7"], good],
        [[...pullRequest, "0"], good],
        [[...pullRequest, "7"], { ...good, GITHUB_TOKEN: "" }],
        [[...pullRequest, "7"], { ...good, GITHUB_REPOSITORY: "o/r/../x" }],
      ];
      for (const [args, environment] of calls) {
        const { code, stderr } = await command(args, environment);
        expect(code, args.join(" ")).to.equal(2);
        expect(stderr.trim().split("\n"), args.join(" ")).to.have.length(1);
      }
    }).timeout(30_000);
  });
});
