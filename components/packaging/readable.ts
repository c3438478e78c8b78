/**
 * Module paths as people know them: `slice:stacks/telemetry.ts#aggregate` -> `stacks/telemetry.ts`, and
 * `entry:aggregate`, which is no file, -> `(entry)`.
 */
export function readable(path: string): string {
  const virtual = /^(entry|capture|credentials|validators):/.exec(path);
  return virtual ? `(${virtual[1]})` : path.replace(/^slice:/, "").replace(/#[^#/]*$/, "");
}
