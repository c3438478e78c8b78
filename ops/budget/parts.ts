/** What a bundle is made of, by npm package and own file. Pure. */

interface Module {
  path: string;
  bytes: number;
}

/** Below it a part is summed with the others: a baseline is read by people. */
const SMALL_BYTES = 1_024;
const SMALL = "(smaller parts)";
const PACKAGE = /^.*node_modules\/((?:@[^/]+\/)?[^/]+)\//;

/** Bytes by part, largest first. */
export function partsOf(modules: readonly Module[]): Record<string, number> {
  const bytes = new Map<string, number>();
  for (const { path, bytes: size } of modules) {
    const part = PACKAGE.exec(path)?.[1] ?? path;
    bytes.set(part, (bytes.get(part) ?? 0) + size);
  }
  const sorted = [...bytes].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
  const large = sorted.filter(([, size]) => size >= SMALL_BYTES);
  const rest = sorted.slice(large.length).reduce((sum, [, size]) => sum + size, 0);
  return Object.fromEntries(rest > 0 ? [...large, [SMALL, rest]] : large);
}

/** The parts that have grown or come, the largest growth first. */
export function addedParts(
  before: Readonly<Record<string, number>>,
  after: Readonly<Record<string, number>>,
): { part: string; bytes: number }[] {
  return Object.entries(after)
    .map(([part, bytes]) => ({ part, bytes: bytes - (before[part] ?? 0) }))
    .filter(({ bytes }) => bytes > 0)
    .sort((left, right) => right.bytes - left.bytes);
}
