/** Reads what the packager left beside the zips of a program. */
import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import { type Static, Type } from "typebox";
import { Compile } from "typebox/compile";
import type { CodeReport } from "../shared/functions.ts";

const Report = Type.Object({
  modules: Type.Array(Type.Object({ path: Type.String(), bytes: Type.Number() })),
  commands: Type.Array(
    Type.Object({ command: Type.String(), client: Type.String(), importer: Type.String() }),
  ),
});

const validator = Compile(Report);
const NOTHING: Static<typeof Report> = { modules: [], commands: [] };

/** By zip path. A zip without a readable report is there with its size alone; a missing zip is not there. */
export const readCodeReports = async (
  directory: string,
  zipPaths: readonly string[],
): Promise<Map<string, CodeReport>> => {
  const entries = await Promise.all(
    [...new Set(zipPaths)].map(async (zipPath) => [zipPath, await readReport(directory, zipPath)] as const),
  );
  return new Map(entries.filter((entry): entry is readonly [string, CodeReport] => entry[1] !== undefined));
};

const readReport = async (directory: string, zipPath: string): Promise<CodeReport | undefined> => {
  const file = path.resolve(directory, zipPath);
  try {
    const { size } = await stat(file);
    return { size, ...(await readJson(file.replace(/\.zip$/, ".json"))) };
  } catch {
    return undefined;
  }
};

const readJson = async (file: string): Promise<Static<typeof Report>> => {
  try {
    const report: unknown = JSON.parse(await readFile(file, "utf8"));
    return validator.Check(report) ? { modules: report.modules, commands: report.commands } : NOTHING;
  } catch {
    return NOTHING;
  }
};
