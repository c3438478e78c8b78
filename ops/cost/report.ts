/** The statement for people: as text, and as Markdown for a pull request. Pure. */
import { textTable } from "../shared/chart.ts";
import type { BreakEven } from "./compare.ts";
import type { Change, Difference } from "./diff.ts";
import type { Statement, Summary } from "./statement.ts";

const LISTED = 12;

const money = (dollars: number): string =>
  `$${dollars.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;

const signed = (dollars: number): string => `${dollars < 0 ? "-" : "+"}${money(Math.abs(dollars))}`;

const whole = (value: number): string => Math.round(value).toLocaleString("en-US");

/** `1,000 devices, a reading every 10 s`. */
const loadText = ({ load }: Pick<Statement, "load">): string =>
  `${load.devices.toLocaleString("en-US")} devices, a reading every ${load.everySeconds.toLocaleString("en-US")} s each`;

/** One line, for the plan. */
export const summaryLine = (summary: Summary): string => {
  const missing = summary.notPriced.length;
  const parts = [
    `Cost: ${money(summary.dollars)} a month with ${loadText(summary)}`,
    `${money(summary.idleDollars)} while idle`,
    `prices of ${summary.region}, ${summary.date}`,
    ...(missing > 0 ? [`${missing} resource${missing === 1 ? " is" : "s are"} not priced`] : []),
  ];
  return `${parts.join("; ")}.`;
};

/** Amounts below each other, the cents too. */
const amounts = (values: readonly number[]): string[] => {
  const texts = values.map(money);
  const width = Math.max(0, ...texts.map(({ length }) => length));
  return texts.map((text) => text.padStart(width));
};

const serviceLines = ({ services, dollars }: Statement): string[] => {
  const visible = services.filter((each) => each.dollars >= 0.005);
  const shown = amounts(visible.map((each) => each.dollars));
  return textTable(
    ["service", "a month", "%"],
    visible.map((each, index) => [
      each.service,
      shown[index] ?? "",
      Math.round((100 * each.dollars) / dollars),
    ]),
  );
};

const duration = ({ durationMs, measured }: Statement["functions"][number]): string =>
  `${durationMs < 10_000 ? `${durationMs.toFixed(1)} ms` : `${(durationMs / 1_000).toFixed(0)} s`}${measured ? "" : " *"}`;

const functionLines = ({ functions }: Statement): string[] => {
  const listed = functions.slice(0, LISTED);
  const [own, elsewhere] = [
    amounts(listed.map(({ lambda }) => lambda)),
    amounts(listed.map(({ causes }) => causes)),
  ];
  const rows = listed.map((each, index) => [
    each.name,
    each.invocations.toPrecision(3),
    duration(each),
    own[index] ?? "",
    elsewhere[index] ?? "",
  ]);
  return [
    ...textTable(["function", "invocations/s", "duration", "Lambda", "causes elsewhere"], rows),
    ...(functions.length > LISTED ? [`... and ${functions.length - LISTED} more (--json)`] : []),
  ];
};

const breakEvenText = ({ devices, what }: BreakEven): string => {
  if (devices !== undefined) return `serverless costs as much at ${whole(devices)} devices`;
  return what === "dearer from the first device on"
    ? "serverless costs more from the first device on"
    : "serverless costs less at any load";
};

const alternativeLines = ({ alternatives, breakEvens }: Statement): string[] => {
  const shown = amounts(alternatives.map(({ dollars }) => dollars));
  const rows = alternatives.map(({ name, layout }, index) => {
    const breakEven = breakEvens[index];
    return [name, shown[index] ?? "", breakEven ? breakEvenText(breakEven) : "", layout];
  });
  return textTable(["the same elsewhere", "a month", "break-even", "laid out as"], rows);
};

const measuredLine = ({ unmeasured, functions, measured }: Statement): string => {
  if (unmeasured.length === 0) return `Durations: measured on ${measured}.`;
  if (unmeasured.length === functions.length)
    return "* Durations: no function is measured (bench/baseline.json); each is an assumption, see docs/cost.md.";
  return `* Durations: measured on ${measured}, but for ${unmeasured.join(", ")}: an assumption, see docs/cost.md.`;
};

const listLines = ({ free, notPriced, lines }: Statement): string[] => [
  `Priced: ${whole(new Set(lines.map(({ type, resource }) => `${type} ${resource}`)).size)} resources. Free: ${whole(free.reduce((sum, { count }) => sum + count, 0))} of ${free.length} kinds (--json lists each with its page). Not priced: ${notPriced.length === 0 ? "none" : ""}`.trimEnd(),
  ...notPriced.map(({ type, resource, why }) => `  ${type} ${resource}: ${why}`),
];

const changeRow = ({ name, before, now }: Change): string[] => [
  name,
  money(before),
  money(now),
  signed(now - before),
];

const differenceLines = ({ total, idle, services, functions }: Difference): string[] => [
  "Change:",
  ...textTable(
    ["", "before", "now", "change"],
    [total, idle, ...services, ...functions.slice(0, LISTED)].map(changeRow),
  ),
  "",
];

export const statementText = (statement: Statement, difference?: Difference): string =>
  [
    `Stack ${statement.stack}, ${loadText(statement)}: ${money(statement.dollars)} a month, ${money(statement.idleDollars)} while idle.`,
    `${statement.freeTier ? "With" : "Without"} the free tier; prices of ${statement.region}, ${statement.date}; a month of 730 hours.`,
    "",
    ...(difference ? differenceLines(difference) : []),
    ...serviceLines(statement),
    "",
    ...functionLines(statement),
    measuredLine(statement),
    "",
    ...alternativeLines(statement),
    "",
    ...listLines(statement),
    ...statement.warnings.map((warning) => `Warning: ${warning}`),
  ].join("\n");

const cell = (text: string): string => text.replaceAll(/[|\r\n`<>@]/g, " ");

const markdownRows = (changes: readonly Change[]): string[] =>
  changes.map((change) => `| ${changeRow(change).map(cell).join(" | ")} |`);

const changeSection = ({ total, idle, services, functions }: Difference): string[] => [
  "",
  "| | before | now | change |",
  "| --- | ---: | ---: | ---: |",
  ...markdownRows([total, idle, ...services, ...functions.slice(0, LISTED)]),
];

const headline = (statement: Statement, difference: Difference | undefined): string => {
  const change = difference ? difference.total.now - difference.total.before : 0;
  const text = Math.abs(change) < 0.005 ? "no change" : signed(change);
  return `${cell(statement.stack)}, ${loadText(statement)}: **${money(statement.dollars)} a month**${difference ? ` (${text})` : ""}, ${money(statement.idleDollars)} while idle.`;
};

const notPricedLine = ({ notPriced }: Statement): string[] =>
  notPriced.length === 0
    ? []
    : ["", `Not priced: ${notPriced.map(({ type, resource }) => cell(`${type} ${resource}`)).join(", ")}.`];

/** For the comment on a pull request. Names come from the program: they can be no table and no HTML. */
export const statementMarkdown = (statement: Statement, difference?: Difference): string =>
  [
    headline(statement, difference),
    ...(difference && difference.services.length + difference.functions.length > 0
      ? changeSection(difference)
      : []),
    ...notPricedLine(statement),
  ].join("\n");
