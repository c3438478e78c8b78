/** What the functions of a program weigh, and what loading them is. */
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import type { Graph } from "../../local/engine/graph.ts";
import { readCodeReports } from "../plan/code-reports.ts";
import { lambdasOf, zipPathOf } from "../shared/functions.ts";
import type { Measured } from "./judge.ts";
import type { Code, Loader } from "./load-work.ts";
import { partsOf } from "./parts.ts";

/** The code of every function of a program. */
export function codesOf(graph: Graph): Code[] {
  return lambdasOf(graph).flatMap((lambda) => {
    const zipPath = zipPathOf(lambda);
    return zipPath === undefined ? [] : [{ name: lambda.name, zipPath }];
  });
}

export async function measure(
  directory: string,
  functions: readonly Code[],
  loader: Loader,
): Promise<Measured[]> {
  const zipPaths = functions.map(({ zipPath }) => zipPath);
  const [work, reports] = await Promise.all([loader.load(functions), readCodeReports(directory, zipPaths)]);
  return Promise.all(
    functions.map(async ({ name, zipPath }) => ({
      name,
      zipBytes: (await stat(resolve(directory, zipPath))).size,
      parts: partsOf(reports.get(zipPath)?.modules ?? []),
      ...(work.get(name) ?? { compiledBytes: 0, heapBytes: 0, loadMs: 0, codeMs: 0 }),
    })),
  );
}
