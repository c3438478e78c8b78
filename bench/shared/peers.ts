/** Packages that are measured against; they live in bench/package.json, apart from the program's own. */
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(import.meta.url);

/** What to do when `importPeer` gives nothing. */
export const INSTALL_PEERS = "its peers are not installed: npm ci --prefix bench";

/** The peer's module, or undefined when it is not installed. */
export async function importPeer<Module>(name: string): Promise<Module | undefined> {
  let path: string;
  try {
    path = require.resolve(name);
  } catch {
    return undefined;
  }
  return (await import(pathToFileURL(path).href)) as Module;
}
