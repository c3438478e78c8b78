/** `slice:stacks/telemetry.ts#aggregate` or `stacks/telemetry.ts#aggregate` -> `stacks/telemetry.ts`. */
export function readable(path: string): string {
  return path.replace(/^slice:/, "").replace(/#[^#/]*$/, "");
}
