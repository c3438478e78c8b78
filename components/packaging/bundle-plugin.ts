/**
 * What the bundle does differently from a plain esbuild build.
 */
import { readFile } from "node:fs/promises";
import { dirname, relative } from "node:path";
import type { OnLoadResult, OnResolveArgs, OnResolveResult, PartialMessage, Plugin } from "esbuild";
import type { BundleEntry } from "./bundle-entry.ts";
import { CAPTURE_CODE, CREDENTIALS_CODE, NO_CONFIG_FILES_CODE } from "./lambda-modules.ts";
import { nativeCure, packageNameOf } from "./natives.ts";
import { readable } from "./readable.ts";

/** Every SDK client carries its package.json for the version in its user agent: 2.4 KB for one line. */
const CLIENT_PACKAGE = /[\\/]@aws-sdk[\\/]client-[^\\/]+[\\/]package\.json$/;
const CONFIG_FILES = /[\\/]shared-ini-file-loader[\\/]loadSharedConfigFiles\.js$/;
/** lib-dynamodb does not say that it has no side effects, so its paginators would keep Query and Scan everywhere. */
const PAGINATOR = /[\\/]@aws-sdk[\\/]lib-[^\\/]+[\\/]dist-es[\\/]pagination[\\/]\w+\.js$/;
const VIRTUAL = /^(entry|slice|capture|validators|credentials):/;

export function lambdaPlugin(root: string, entries: BundleEntry[]): Plugin {
  const modules = virtualModules(root, entries);
  const natives = nativesFilter(entries);
  return {
    name: "lambda",
    setup(build) {
      build.onResolve({ filter: VIRTUAL }, ({ path }) => virtual(path));
      build.onResolve({ filter: /^@aws-sdk\/credential-provider-node$/ }, () =>
        virtual("credentials:lambda"),
      );
      build.onResolve({ filter: /^@pulumi\// }, (args) => ({ errors: [pulumiImport(root, args)] }));
      if (natives) build.onResolve({ filter: natives }, ({ path }) => ({ path, external: true }));
      build.onResolve({ filter: /\.node$/ }, (args) => ({ errors: [binaryImport(root, args)] }));
      for (const namespace of ["entry", "slice", "capture", "validators", "credentials"]) {
        build.onLoad({ filter: /.*/, namespace }, ({ path }) => modules.get(`${namespace}:${path}`));
      }
      build.onLoad({ filter: CLIENT_PACKAGE, namespace: "file" }, async ({ path }) => versionOnly(path));
      build.onLoad({ filter: PAGINATOR, namespace: "file" }, async ({ path }) => pureCalls(path));
      build.onLoad({ filter: CONFIG_FILES, namespace: "file" }, () => ({ contents: NO_CONFIG_FILES_CODE }));
    },
  };
}

function virtual(path: string): OnResolveResult {
  const colon = path.indexOf(":");
  return { namespace: path.slice(0, colon), path: path.slice(colon + 1) };
}

/** Imports of the packages that any function of this build declares; undefined when none does. */
function nativesFilter(entries: BundleEntry[]): RegExp | undefined {
  const names = [...new Set(entries.flatMap(({ natives }) => natives))];
  if (names.length === 0) return undefined;
  return new RegExp(`^(?:${names.map((name) => name.replaceAll(".", "\\.")).join("|")})(?:/|$)`);
}

function virtualModules(root: string, entries: BundleEntry[]): Map<string, OnLoadResult> {
  const modules = new Map<string, OnLoadResult>([
    ["capture:runtime", { contents: CAPTURE_CODE, loader: "js" }],
    ["credentials:lambda", { contents: CREDENTIALS_CODE, loader: "js" }],
  ]);
  for (const entry of entries) {
    modules.set(`entry:${entry.key}`, { contents: entry.code, loader: "js", resolveDir: root });
    for (const [id, { file, code }] of entry.modules) {
      modules.set(id, { contents: code, loader: "ts", resolveDir: dirname(file) });
    }
  }
  return modules;
}

async function versionOnly(path: string): Promise<OnLoadResult> {
  const { version } = JSON.parse(await readFile(path, "utf8")) as { version: string };
  return { contents: JSON.stringify({ version }), loader: "json" };
}

async function pureCalls(path: string): Promise<OnLoadResult> {
  const text = await readFile(path, "utf8");
  return { contents: text.replaceAll("= createPaginator(", "= /* @__PURE__ */ createPaginator(") };
}

function importerOf(root: string, { importer, namespace }: OnResolveArgs): string {
  return namespace === "file" ? relative(root, importer).replaceAll("\\", "/") : readable(importer);
}

function pulumiImport(root: string, args: OnResolveArgs): PartialMessage {
  const text = `${importerOf(root, args)} imports '${args.path}', which exists only at deployment. Move what the callback needs into a module without Pulumi imports`;
  return { text };
}

function binaryImport(root: string, args: OnResolveArgs): PartialMessage {
  const importer = importerOf(root, args);
  const name = packageNameOf(importer) ?? args.path;
  return {
    text: `${importer} loads the binary '${args.path}', which cannot be bundled. ${nativeCure(name)}`,
  };
}
