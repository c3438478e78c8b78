import { expect } from "chai";
import { commentBody, MARKER } from "../../../ops/comment/body.ts";
import type { PlanReport, Reports, StackReport } from "../../../ops/comment/reports.ts";

const COMMIT = "0123456789abcdef0123456789abcdef01234567";
const FINDING = {
  rule: "queue-encrypted",
  level: "mandatory",
  type: "aws:sqs:Queue",
  resource: "orders",
  what: "keeps its messages unencrypted",
  cure: "Set sqsManagedSseEnabled to true.",
};

const plan = (differs: Partial<PlanReport> = {}): PlanReport => ({
  totals: { resources: 248, functions: 2, zipBytes: 10_240 },
  functions: [
    { name: "aggregate", zipBytes: 4_096 },
    { name: "archive", zipBytes: 6_144 },
  ],
  problems: [],
  policy: { rules: 34, violations: [], suppressed: [FINDING] },
  ...differs,
});

const body = (stack: Partial<StackReport>, more: Partial<Reports> = {}): string =>
  commentBody({ stacks: [{ stack: "prod", ...stack }], ...more }, COMMIT);

describe("ops/comment: the text", () => {
  it("starts with the marker by which it is found again, and names the commit", () => {
    expect(body({ plan: plan() }).split("\n").slice(0, 2)).to.deep.equal([
      MARKER,
      "### Preview of `0123456`",
    ]);
  });

  it("counts what there is, and the change where there is one", () => {
    const base = plan({ totals: { resources: 246, functions: 2, zipBytes: 12_288 } });

    expect(body({ plan: plan(), base })).to.contain(
      "| prod | 248 (+2) | 2 | 10.0 KB (-2.0 KB) | 34 rules, 1 broken on purpose | no preview |",
    );
    expect(body({ plan: plan(), base: plan() })).to.contain("| prod | 248 | 2 | 10.0 KB |");
  });

  it("lists the functions whose zip changed, the largest change first, new and gone ones too", () => {
    const base = plan({
      functions: [
        { name: "aggregate", zipBytes: 4_096 },
        { name: "archive", zipBytes: 5_120 },
        { name: "report", zipBytes: 8_192 },
      ],
    });
    const text = body({
      plan: plan({ functions: [...plan().functions, { name: "alert", zipBytes: 512 }] }),
      base,
    });

    expect(text).to.contain(
      [
        "| `report` | 8.0 KB | gone | -8.0 KB |",
        "| `archive` | 5.0 KB | 6.0 KB | +1.0 KB |",
        "| `alert` | new | 0.5 KB | +0.5 KB |",
      ].join("\n"),
    );
    expect(text).not.to.contain("`aggregate`");
    expect(body({ plan: plan(), base: plan() })).not.to.contain("Zip sizes");
  });

  it("says what the engine would do, and to which resources", () => {
    const urn = "urn:pulumi:prod::app::serverless:index:Queue$aws:sqs/queue:Queue::orders";
    const preview = { changeSummary: { create: 2, same: 240, delete: 1 }, steps: [{ op: "create", urn }] };

    const text = body({ plan: plan(), preview });

    expect(text).to.contain("| 2 to create, 1 to delete |");
    expect(text).to.contain("- create `aws:sqs:Queue orders`");
    expect(body({ plan: plan(), preview: { changeSummary: null, steps: [] } })).to.contain("| no changes |");
  });

  it("names every violation with its cure, and what AWS would refuse", () => {
    const text = body({
      plan: plan({
        problems: [{ message: "It is too big.", cure: "Make it smaller." }],
        policy: { rules: 34, violations: [FINDING], suppressed: [] },
      }),
    });

    expect(text).to.contain("| **1 broken** |");
    expect(text).to.contain("- prod: AWS would refuse: It is too big. Make it smaller.");
    expect(text).to.contain(
      "- prod: **mandatory** `queue-encrypted`: `aws:sqs:Queue orders` keeps its messages unencrypted. Set sqsManagedSseEnabled to true.",
    );
  });

  it("says so where a plan failed", () => {
    expect(body({})).to.contain("| prod | **no plan**: see the job |  |  |  | no preview |");
  });

  it("carries the change in cost as it is", () => {
    expect(body({ plan: plan() }, { cost: "| a | b |" })).to.contain("#### Cost\n\n| a | b |\n");
    expect(body({ plan: plan() })).not.to.contain("Cost");
  });

  it("lets no text of the program be Markdown, HTML or a mention", () => {
    const nasty = "x` | <img src=x> @team [a](b) **c**\n# d";
    const text = body({
      plan: plan({
        problems: [{ message: nasty, cure: nasty }],
        policy: { rules: 1, violations: [{ ...FINDING, resource: nasty, what: nasty }], suppressed: [] },
      }),
      preview: { changeSummary: { [nasty]: 1 }, steps: [{ op: nasty, urn: `a::b::c::${nasty}` }] },
    });
    const outsideCode = text.replaceAll(/`[^`\n]*`/g, "");

    expect(outsideCode).not.to.match(/<img|@team|\[a\]|\*\*c/);
    expect(text).not.to.match(/^# d/m);
  });

  it("stays within what GitHub takes", () => {
    const violations = Array.from({ length: 1_000 }, () => ({ ...FINDING, what: "w".repeat(200) }));
    const text = body({ plan: plan({ policy: { rules: 34, violations, suppressed: [] } }) });

    expect(text.length).to.be.at.most(65_536);
    expect(text).to.match(/\(Cut: [^\n]+\)\n$/);
    const many = Array.from({ length: 100 }, () => ({ op: "create", urn: "a::b::c::d" }));
    expect(body({ plan: plan(), preview: { changeSummary: null, steps: many } })).to.contain("- and 40 more");
  });
});
