/** What the preview workflow's jobs leave for the comment: files in one folder, each of which may be missing. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { type Static, type TSchema, Type } from "typebox";
import { Compile } from "typebox/compile";

const Finding = Type.Object({
  rule: Type.String(),
  level: Type.String(),
  type: Type.String(),
  resource: Type.String(),
  what: Type.String(),
  cure: Type.String(),
});

/** The part of `npm run plan -- --policy --json` that is shown. */
const PlanReport = Type.Object({
  totals: Type.Object({ resources: Type.Number(), functions: Type.Number(), zipBytes: Type.Number() }),
  functions: Type.Array(Type.Object({ name: Type.String(), zipBytes: Type.Optional(Type.Number()) })),
  problems: Type.Array(Type.Object({ message: Type.String(), cure: Type.String() })),
  policy: Type.Optional(
    Type.Object({
      rules: Type.Number(),
      violations: Type.Array(Finding),
      suppressed: Type.Array(Finding),
    }),
  ),
});

/** The part of `pulumi preview --json` that the workflow keeps. */
const PreviewReport = Type.Object({
  changeSummary: Type.Union([Type.Null(), Type.Record(Type.String(), Type.Number())]),
  steps: Type.Array(Type.Object({ op: Type.String(), urn: Type.String() })),
});

export type PlanReport = Static<typeof PlanReport>;
export type PreviewReport = Static<typeof PreviewReport>;

export interface StackReport {
  stack: string;
  /** Of the change; missing when its plan failed. */
  plan?: PlanReport;
  /** Of what it is to be merged into. */
  base?: PlanReport;
  /** By the real engine; missing without credentials, or when it failed. */
  preview?: PreviewReport;
}

export interface Reports {
  stacks: StackReport[];
  /** The change in cost, as Markdown. */
  cost?: string;
}

const readText = async (file: string): Promise<string | undefined> => {
  try {
    return await readFile(file, "utf8");
  } catch {
    return undefined;
  }
};

const reader = <Schema extends TSchema>(schema: Schema) => {
  const validator = Compile(schema);
  return async (file: string): Promise<Static<Schema> | undefined> => {
    const text = await readText(file);
    try {
      const report: unknown = JSON.parse(text ?? "");
      return validator.Check(report) ? (report as Static<Schema>) : undefined;
    } catch {
      // A job that failed leaves an empty or broken file: the comment says so, whatever was in it.
      return undefined;
    }
  };
};

const readPlan = reader(PlanReport);
const readPreview = reader(PreviewReport);

export const readReports = async (directory: string, stacks: readonly string[]): Promise<Reports> => {
  const file = (name: string) => path.join(directory, name);
  const cost = (await readText(file("cost.md")))?.trim();
  return {
    stacks: await Promise.all(
      stacks.map(async (stack) => ({
        stack,
        plan: await readPlan(file(`plan-${stack}.json`)),
        base: await readPlan(file(`base-plan-${stack}.json`)),
        preview: await readPreview(file(`preview-${stack}.json`)),
      })),
    ),
    ...(cost && { cost }),
  };
};
