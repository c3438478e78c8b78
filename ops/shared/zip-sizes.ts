import { stat } from "node:fs/promises";
import { type Graph, plain } from "../../local/engine/graph.ts";

/** Bytes of every function's zip, by the function's physical name. */
export async function zipSizes(graph: Graph): Promise<Map<string, number>> {
  const functions = graph.resources.filter(({ type }) => type === "aws:lambda/function:Function");
  const sizes = functions.map(async ({ inputs, outputs }) => {
    const code = inputs.code as { path?: string } | undefined;
    const size = code?.path ? (await stat(code.path)).size : 0;
    return [String(plain(outputs.name ?? null)), size] as const;
  });
  return new Map(await Promise.all(sizes));
}
