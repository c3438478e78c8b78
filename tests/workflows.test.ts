import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { load } from "js-yaml";
import { ROOT } from "./helpers/source-files.ts";

interface Step {
  uses?: string;
  run?: string;
  with?: Record<string, unknown>;
  env?: Record<string, unknown>;
  if?: string;
}

interface Job {
  permissions?: Record<string, string>;
  "timeout-minutes"?: number;
  "runs-on"?: string;
  environment?: string;
  if?: string;
  needs?: string | string[];
  env?: Record<string, unknown>;
  steps: Step[];
}

interface Workflow {
  name: string;
  on: Record<string, unknown>;
  permissions: unknown;
  concurrency?: { group?: string; "cancel-in-progress"?: boolean };
  jobs: Record<string, Job>;
}

const folder = join(ROOT, ".github/workflows");
const files = readdirSync(folder).sort();
const texts = new Map(files.map((file) => [file, readFileSync(join(folder, file), "utf8")]));
const workflows = new Map([...texts].map(([file, text]) => [file, load(text) as Workflow]));
const workflow = (file: string): Workflow => workflows.get(file) as Workflow;
const jobs = [...workflows].flatMap(([file, { jobs: named }]) =>
  Object.entries(named).map(([name, job]) => ({ id: `${file} ${name}`, file, name, job })),
);
const steps = jobs.flatMap(({ id, job }) => job.steps.map((step) => ({ id, step })));

const SAME_REPOSITORY = "github.event.pull_request.head.repo.full_name == github.repository";
/** Jobs that a pull request of a stranger can start. */
const forForks = jobs.filter(
  ({ file, job }) => Object.hasOwn(workflow(file).on, "pull_request") && !job.if?.includes(SAME_REPOSITORY),
);

describe("the workflows", () => {
  it("are these", () => {
    expect(files).to.deep.equal([
      "check.yml",
      "deploy-dev.yml",
      "drift.yml",
      "preview.yml",
      "release-prod.yml",
    ]);
  });

  it("pin every action to a full commit, with its version beside it", () => {
    for (const [file, text] of texts) {
      for (const line of text.split("\n").filter((each) => /^\s*(?:- )?uses:/.test(each))) {
        expect(line, file).to.match(/uses: [\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
      }
    }
  });

  it("use one version of an action", () => {
    const versions = new Map<string, Set<string>>();
    for (const { step } of steps) {
      const [action = "", commit = ""] = step.uses?.split("@") ?? [];
      if (action) versions.set(action, (versions.get(action) ?? new Set()).add(commit));
    }
    for (const [action, commits] of versions) expect([...commits], action).to.have.length(1);
  });

  it("give no right to a workflow, and each job what it needs and no more", () => {
    for (const [file, { permissions }] of workflows) expect(permissions, file).to.deep.equal({});
    const rights = Object.fromEntries(
      jobs
        .map(({ id, job }) => [id, { ...job.permissions }] as const)
        .filter(([, permissions]) => JSON.stringify(permissions) !== '{"contents":"read"}'),
    );
    const cloud = { contents: "read", "id-token": "write" };
    expect(rights).to.deep.equal({
      "deploy-dev.yml deploy": cloud,
      "drift.yml drift": cloud,
      "preview.yml comment": { contents: "read", "pull-requests": "write" },
      "preview.yml preview": cloud,
      "release-prod.yml deploy": cloud,
    });
  });

  it("end: every job has a time limit, and a fixed image", () => {
    for (const { id, job } of jobs) {
      expect(job["timeout-minutes"], id).to.be.within(1, 90);
      expect(job["runs-on"], id).to.equal("ubuntu-24.04");
    }
  });

  it("do not run twice at once, and cancel no deployment half done", () => {
    for (const [file, { concurrency }] of workflows) {
      expect(concurrency?.group, file).to.match(/^\w/);
      const cancels = file === "check.yml" || file === "preview.yml";
      expect(concurrency?.["cancel-in-progress"], file).to.equal(cancels);
    }
  });

  it("hold no secret: nothing is stored", () => {
    for (const [file, text] of texts) expect(text, file).not.to.match(/\bsecrets\b/);
  });

  it("give a fork's pull request no credentials, and run none of its code with them", () => {
    expect(forForks.map(({ id }) => id)).to.deep.equal([
      "check.yml check",
      "check.yml workflows",
      "preview.yml plan",
    ]);
    for (const { id, job } of forForks) {
      expect(job.permissions, id).to.deep.equal({ contents: "read" });
      expect(JSON.stringify(job), id).not.to.match(/vars\.|github\.token|configure-aws-credentials/);
    }
    for (const [file, { on }] of workflows) {
      expect(Object.keys(on), file).not.to.include.members(["pull_request_target"]);
      expect(Object.keys(on), file).not.to.include.members(["workflow_run"]);
    }
  });

  it("run the base's code where they may write to a pull request", () => {
    const { comment } = workflow("preview.yml").jobs;
    const checkout = comment?.steps.filter(({ uses }) => uses?.startsWith("actions/checkout@")) ?? [];
    expect(checkout).to.have.length(1);
    expect(checkout[0]?.with?.ref).to.match(/^\$\{\{ github\.event\.pull_request\.base\.sha \}\}$/);
  });

  it("leave no token in the working copy", () => {
    for (const { id, step } of steps.filter((each) => each.step.uses?.startsWith("actions/checkout@")))
      expect(step.with?.["persist-credentials"], id).to.equal(false);
  });

  it("put nothing that a stranger writes into a script", () => {
    for (const { id, step } of steps) expect(step.run ?? "", id).not.to.contain("${{");
  });

  it("name npm scripts that exist, or ask npm whether they do", () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
    const called = steps.flatMap(({ id, step }) =>
      [...(step.run ?? "").matchAll(/\bnpm run ((?:--[\w-]+ )*)([\w:-]+)/g)].map(([, flags, name]) => ({
        id,
        optional: flags?.includes("--if-present"),
        name: name as string,
      })),
    );
    expect(called.map(({ name }) => name)).to.include.members([
      "plan",
      "preview",
      "up",
      "smoke",
      "release",
      "cost",
    ]);
    for (const { id, name, optional } of called)
      if (!optional) expect(scripts, `${id}: npm run ${name}`).to.have.property(name);
  });

  it("name commands that exist", () => {
    const called = steps.flatMap(({ step }) => [...(step.run ?? "").matchAll(/\bops\/[\w/]+\.ts\b/g)].flat());
    expect(called).to.include("ops/comment/main.ts");
    for (const file of called) expect(readFileSync(join(ROOT, file), "utf8")).to.contain("await run(");
  });

  it("hold every preview and every deployment to the policy pack", () => {
    const engine = steps.filter(({ step }) =>
      /\bnpm run (?:--silent )?(?:up|preview)\b/.test(step.run ?? ""),
    );
    expect(engine).to.have.length(4);
    for (const { id, step } of engine.filter((each) => !each.id.startsWith("drift")))
      expect(step.run, id).to.contain("--policy-pack policy");
  });

  it("deploy dev from main and prod from a release, each after the checks and from its own environment", () => {
    expect(workflow("deploy-dev.yml").on).to.deep.equal({ push: { branches: ["main"] } });
    expect(workflow("release-prod.yml").on).to.deep.equal({ release: { types: ["published"] } });
    for (const [file, stack] of [
      ["deploy-dev.yml", "dev"],
      ["release-prod.yml", "prod"],
    ] as const) {
      const { check, deploy } = workflow(file).jobs;
      expect(
        check?.steps.map(({ run }) => run),
        file,
      ).to.include("bash .ci/run");
      expect(deploy?.needs, file).to.equal("check");
      expect(deploy?.environment, file).to.equal(stack);
      const commands = deploy?.steps.map(({ run }) => run ?? "").join("\n") ?? "";
      expect(commands, file).to.contain(`npm run up -- --stack ${stack} --yes`);
      expect(commands, file).not.to.contain(`--stack ${stack === "dev" ? "prod" : "dev"}`);
    }
  });

  it("look for drift once a week, with the role that cannot write", () => {
    const { on, jobs: named } = workflow("drift.yml");
    expect(on.schedule).to.deep.equal([{ cron: "17 5 * * 1" }]);
    const text = JSON.stringify(named);
    expect(text).to.contain("--refresh --expect-no-changes");
    expect(text).to.contain("AWS_PREVIEW_ROLE").and.not.to.contain("AWS_DEPLOY_ROLE");
  });
});

describe("dependency updates", () => {
  const { version, updates } = load(readFileSync(join(ROOT, ".github/dependabot.yml"), "utf8")) as {
    version: number;
    updates: { "package-ecosystem": string; directory: string; groups: Record<string, unknown> }[];
  };

  it("come in groups, for npm and for the actions", () => {
    expect(version).to.equal(2);
    expect(updates.map((each) => `${each["package-ecosystem"]} ${each.directory}`)).to.deep.equal([
      "npm /",
      "npm /bench",
      "github-actions /",
    ]);
    for (const { groups } of updates) expect(Object.keys(groups).length).to.be.greaterThan(0);
  });
});

// Not proven here: that GitHub takes the files. `actionlint`, in the workflow `check`, holds them to its schema.
