/**
 * A stack's settings from the files that the Pulumi CLI reads: Pulumi.yaml and Pulumi.<stack>.yaml, and from
 * Pulumi.<stack>.local.yaml, which git ignores, whatever this machine adds.
 * Source: https://www.pulumi.com/docs/iac/concepts/projects/project-file and
 * https://www.pulumi.com/docs/iac/concepts/projects/stack-settings-file
 */
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { CORE_SCHEMA, load, YAMLException } from "js-yaml";

export interface StackSettings {
  project: string;
  stack: string;
  /** Entry point relative to the project; `.` leaves it to package.json. */
  main: string;
  /** By full key (`aws:region`); values that are no text are JSON, as Pulumi hands them to a program. */
  config: Record<string, string>;
  /** Keys whose values are secret. */
  secretKeys: string[];
}

/** A settings file that is missing, unreadable or wrong. The message names the file and the cure. */
export class SettingsError extends Error {
  override name = "SettingsError";
}

interface Entry {
  value: string;
  secret: boolean;
  /** Paths inside the value that only the stack's own backend can decrypt. */
  sealed: string[];
}

type Yaml = Record<string, unknown>;

const STACK_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/;
const STACK_FILE = /^Pulumi\.(?<stack>.+)\.yaml$/;

/** Reads the settings of one stack of the project in `directory`. Throws `SettingsError`. */
export const readSettings = async (directory: string, stack: string): Promise<StackSettings> => {
  if (!STACK_NAME.test(stack)) {
    throw new SettingsError(`"${stack}" is no stack name: use letters, digits, \`-\`, \`_\` and \`.\`.`);
  }
  const project = await readYaml(directory, "Pulumi.yaml");
  if (!project)
    throw new SettingsError(
      `${path.resolve(directory)} holds no Pulumi.yaml: start in the project's folder.`,
    );
  const name = readName(project);
  const file = `Pulumi.${stack}.yaml`;
  const settings = await readYaml(directory, file);
  if (!settings) throw new SettingsError(await missingStack(directory, stack));
  const localFile = `Pulumi.${stack}.local.yaml`;
  const local = (await readYaml(directory, localFile)) ?? {};
  const entries = {
    ...projectConfig(project, name),
    ...stackConfig(settings, file),
    ...stackConfig(local, localFile),
  };
  const own = stackConfig(settings, file);
  return {
    project: name,
    stack,
    main: typeof project.main === "string" ? project.main : ".",
    config: openConfig(entries, file, localFile),
    secretKeys: Object.keys(entries).filter((key) => entries[key]?.secret || own[key]?.secret),
  };
};

const readYaml = async (directory: string, file: string): Promise<Yaml | undefined> => {
  const text = await readText(path.join(directory, file));
  if (text === undefined) return undefined;
  const content = parse(text, file) ?? {};
  if (typeof content !== "object" || Array.isArray(content)) {
    throw new SettingsError(`${file} holds no \`key: value\` pairs.`);
  }
  return content as Yaml;
};

const readText = async (file: string): Promise<string | undefined> => {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return undefined;
    throw new SettingsError(`${file} cannot be read (${code}).`);
  }
};

const parse = (text: string, file: string): unknown => {
  try {
    return load(text, { filename: file, schema: CORE_SCHEMA });
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    const mark = error.mark;
    const place = mark ? `${file}:${mark.line + 1}:${mark.column + 1}` : file;
    throw new SettingsError(`${place}: ${error.reason}.`);
  }
};

const readName = (project: Yaml): string => {
  const runtime = project.runtime;
  const language = typeof runtime === "object" && runtime !== null ? (runtime as Yaml).name : runtime;
  if (language !== "nodejs") {
    throw new SettingsError(
      `Pulumi.yaml has runtime "${String(language)}": only \`runtime: nodejs\` runs here.`,
    );
  }
  if (typeof project.name !== "string" || project.name === "") {
    throw new SettingsError("Pulumi.yaml has no `name`.");
  }
  return project.name;
};

const missingStack = async (directory: string, stack: string): Promise<string> => {
  const stacks = (await readdir(directory))
    .map((file) => STACK_FILE.exec(file)?.groups?.stack)
    .filter((name): name is string => name !== undefined && !name.endsWith(".local"))
    .sort();
  const known = stacks.length > 0 ? `Stacks here: ${stacks.join(", ")}.` : "There is no stack here yet.";
  return `No stack "${stack}": Pulumi.${stack}.yaml does not exist. ${known}`;
};

/** Defaults that Pulumi.yaml gives to every stack; its short keys belong to the project. */
const projectConfig = (project: Yaml, name: string): Record<string, Entry> => {
  const config = project.config;
  if (typeof config !== "object" || config === null) return {};
  return Object.fromEntries(
    Object.entries(config).flatMap(([key, declared]) => {
      const value = defaultOf(declared);
      if (value === undefined) return [];
      const secret = isObject(declared) && declared.secret === true;
      return [[key.includes(":") ? key : `${name}:${key}`, { ...readEntry(value), secret }]];
    }),
  );
};

const defaultOf = (declared: unknown): unknown =>
  isObject(declared) ? (declared.value ?? declared.default) : declared;

const stackConfig = (settings: Yaml, file: string): Record<string, Entry> => {
  const config = settings.config ?? {};
  if (!isObject(config)) throw new SettingsError(`${file}: \`config\` holds no \`key: value\` pairs.`);
  return Object.fromEntries(
    Object.entries(config).map(([key, value]) => {
      if (!/^[^:]+:.+$/.test(key)) {
        throw new SettingsError(`${file}: config key "${key}" needs a namespace, as in \`project:${key}\`.`);
      }
      return [key, readEntry(value)];
    }),
  );
};

const isObject = (value: unknown): value is Yaml =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isSealed = (value: unknown): boolean =>
  isObject(value) && Object.keys(value).length === 1 && typeof value.secure === "string";

const readEntry = (value: unknown): Entry => {
  const sealed = sealedPaths(value, []);
  const text = typeof value === "object" && value !== null ? JSON.stringify(value) : String(value ?? "");
  return { value: text, secret: sealed.length > 0, sealed };
};

const sealedPaths = (value: unknown, trail: string[]): string[] => {
  if (isSealed(value)) return [trail.join(".")];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => sealedPaths(inner, [...trail, key]));
};

const openConfig = (
  entries: Record<string, Entry>,
  file: string,
  localFile: string,
): Record<string, string> => {
  const sealed = Object.entries(entries)
    .filter(([, entry]) => entry.sealed.length > 0)
    .map(([key, entry]) => [key, ...entry.sealed.filter(Boolean)].join(" at "));
  if (sealed.length > 0) {
    throw new SettingsError(
      `${file} holds secrets that only the stack's own backend can open: ${sealed.join(", ")}. Give local values in ${localFile} (git ignores it), under \`config:\` by the same keys.`,
    );
  }
  return Object.fromEntries(Object.entries(entries).map(([key, entry]) => [key, entry.value]));
};
