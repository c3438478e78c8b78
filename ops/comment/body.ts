/** What a pull request's preview says, as Markdown. Pure. */
import { shortType } from "../shared/short-type.ts";
import type { PlanReport, PreviewReport, Reports, StackReport } from "./reports.ts";

/** By this line the comment is found again and updated in place. */
export const MARKER = "<!-- preview of the serverless system -->";

/** GitHub refuses more: https://docs.github.com/en/rest/issues/comments#create-an-issue-comment */
const MOST_CHARACTERS = 65_536;
const MOST_CHANGES = 60;

/** Text from the program, so that it can be no Markdown and no HTML. */
const code = (text: string): string => `\`${text.replaceAll(/[`|\r\n]/g, " ")}\``;
const prose = (text: string): string =>
  text.replaceAll(/[\\`*_[\]|<>#@]/g, (character) => `&#${character.charCodeAt(0)};`).replaceAll(/\s+/g, " ");

const size = (bytes: number): string =>
  Math.abs(bytes) < 1024 * 1024
    ? `${(bytes / 1024).toFixed(1)} KB`
    : `${(bytes / 1024 / 1024).toFixed(2)} MB`;

const signed = (value: number, show: (absolute: number) => string): string =>
  `${value < 0 ? "-" : "+"}${show(Math.abs(value))}`;

const withChange = (now: number, before: number | undefined, show: (value: number) => string): string =>
  before === undefined || before === now ? show(now) : `${show(now)} (${signed(now - before, show)})`;

const count = (value: number): string => value.toLocaleString("en-US");

const VERBS: Record<string, string> = {
  create: "to create",
  update: "to update",
  replace: "to replace",
  delete: "to delete",
  import: "to import",
  read: "to read",
  refresh: "to refresh",
};

const previewCell = (preview: PreviewReport | undefined): string => {
  if (!preview) return "no preview";
  const changes = Object.entries(preview.changeSummary ?? {}).filter(
    ([op, number]) => op !== "same" && number > 0,
  );
  if (changes.length === 0) return "no changes";
  return changes.map(([op, number]) => `${count(number)} ${VERBS[op] ?? prose(op)}`).join(", ");
};

const policyCell = (policy: PlanReport["policy"]): string => {
  if (!policy) return "not asked";
  if (policy.violations.length > 0) return `**${count(policy.violations.length)} broken**`;
  return `${count(policy.rules)} rules, ${count(policy.suppressed.length)} broken on purpose`;
};

const row = ({ stack, plan, base, preview }: StackReport): string => {
  const cells = plan
    ? [
        withChange(plan.totals.resources, base?.totals.resources, count),
        withChange(plan.totals.functions, base?.totals.functions, count),
        withChange(plan.totals.zipBytes, base?.totals.zipBytes, size),
        policyCell(plan.policy),
      ]
    : ["**no plan**: see the job", "", "", ""];
  return `| ${[stack, ...cells, previewCell(preview)].join(" | ")} |`;
};

/** Functions whose zip has another size than before, the largest change first. */
const sizeRows = ({ plan, base }: StackReport): string[] => {
  if (!plan || !base) return [];
  const before = new Map(base.functions.map(({ name, zipBytes }) => [name, zipBytes]));
  const now = new Map(plan.functions.map(({ name, zipBytes }) => [name, zipBytes]));
  return [...new Set([...before.keys(), ...now.keys()])]
    .map((name) => ({ name, was: before.get(name), is: now.get(name) }))
    .filter(({ was, is }) => was !== is)
    .map((each) => ({ ...each, change: (each.is ?? 0) - (each.was ?? 0) }))
    .sort((left, right) => Math.abs(right.change) - Math.abs(left.change))
    .map(
      ({ name, was, is, change }) =>
        `| ${code(name)} | ${was === undefined ? "new" : size(was)} | ${is === undefined ? "gone" : size(is)} | ${signed(change, size)} |`,
    );
};

const sizeSection = (stacks: StackReport[]): string[] => {
  // The functions are the same in every stack: the first that has both plans tells.
  const rows = stacks.map(sizeRows).find((each) => each.length > 0) ?? [];
  if (rows.length === 0) return [];
  return [
    "#### Zip sizes",
    "",
    "| function | before | now | change |",
    "| --- | ---: | ---: | ---: |",
    ...rows,
    "",
  ];
};

const complaints = ({ stack, plan }: StackReport): string[] => [
  ...(plan?.problems ?? []).map(
    ({ message, cure }) => `- ${stack}: AWS would refuse: ${prose(message)} ${prose(cure)}`,
  ),
  ...(plan?.policy?.violations ?? []).map(
    ({ level, rule, type, resource, what, cure }) =>
      `- ${stack}: ${level === "mandatory" ? "**mandatory**" : "advisory"} ${code(rule)}: ${code(`${type} ${resource}`)} ${prose(what)}. ${prose(cure)}`,
  ),
];

const policySection = (stacks: StackReport[]): string[] => {
  const lines = stacks.flatMap(complaints);
  return lines.length > 0 ? ["#### To be put right", "", ...lines, ""] : [];
};

/** `urn:pulumi:dev::project::parent$aws:sqs/queue:Queue::orders` as `aws:sqs:Queue orders`. */
const shortUrn = (urn: string): string => {
  const [, , types = "", name = ""] = urn.split("::");
  return `${shortType(types.split("$").at(-1) ?? "")} ${name}`;
};

const changeSection = ({ stack, preview }: StackReport): string[] => {
  const changes = (preview?.steps ?? []).filter(({ op }) => op !== "same");
  if (changes.length === 0) return [];
  const shown = changes.slice(0, MOST_CHANGES).map(({ op, urn }) => `- ${prose(op)} ${code(shortUrn(urn))}`);
  const more = changes.length - shown.length;
  return [
    `<details><summary>${stack}: what changes</summary>`,
    "",
    ...shown,
    ...(more > 0 ? [`- and ${count(more)} more`] : []),
    "",
    "</details>",
    "",
  ];
};

/** @param commit what was previewed, its full hash */
export const commentBody = ({ stacks, cost }: Reports, commit: string): string => {
  const body = [
    MARKER,
    `### Preview of ${code(commit.slice(0, 7))}`,
    "",
    "| stack | resources | functions | zips | policy | Pulumi |",
    "| --- | ---: | ---: | ---: | --- | --- |",
    ...stacks.map(row),
    "",
    ...policySection(stacks),
    ...sizeSection(stacks),
    ...(cost ? ["#### Cost", "", cost, ""] : []),
    ...stacks.flatMap(changeSection),
  ].join("\n");
  if (body.length <= MOST_CHARACTERS) return body;
  const note = "\n\n(Cut: GitHub takes no longer comment. The job's artifacts hold the whole.)\n";
  return `${body.slice(0, MOST_CHARACTERS - note.length)}${note}`;
};
