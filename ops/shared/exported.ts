/** A deployed stack's resources, as Pulumi's state holds them. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** One resource of the state: https://www.pulumi.com/docs/iac/concepts/state-and-backends */
export interface ExportedResource {
  urn: string;
  type: string;
  parent: string;
  outputs: Readonly<Record<string, unknown>>;
}

/** A state of some thousand resources has tens of megabytes. */
const MOST_BYTES = 256 * 1024 * 1024;

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const text = (value: unknown): string => (typeof value === "string" ? value : "");

/** A resource that is being deleted is the program's no more. */
const resourceOf = (value: unknown): ExportedResource[] => {
  if (!isMap(value) || value.delete === true) return [];
  const { urn, type, parent, outputs } = value;
  return [{ urn: text(urn), type: text(type), parent: text(parent), outputs: isMap(outputs) ? outputs : {} }];
};

/**
 * Reads what `pulumi stack export` prints.
 * @throws {Error} when the stack has no resources: it is not deployed.
 */
function parseExport(json: string, stack: string): ExportedResource[] {
  const document: unknown = JSON.parse(json);
  const deployment = isMap(document) ? document.deployment : undefined;
  const resources = isMap(deployment) && Array.isArray(deployment.resources) ? deployment.resources : [];
  const found = resources.flatMap(resourceOf);
  if (found.some(({ type }) => type.startsWith("aws:"))) return found;
  throw new Error(`Stack "${stack}" is not deployed. Deploy it first: npm run up -- --stack ${stack}.`);
}

/**
 * The resources of a stack that `pulumi up` deployed. Secrets stay encrypted.
 * @throws {Error} in one sentence: no Pulumi CLI, no such stack, not deployed.
 */
export async function exportedStack(directory: string, stack: string): Promise<ExportedResource[]> {
  const { stdout } = await promisify(execFile)("pulumi", ["stack", "export", "--stack", stack], {
    cwd: directory,
    maxBuffer: MOST_BYTES,
  }).catch((error: unknown) => {
    throw new Error(pulumiProblem(`The state of stack "${stack}"`, error));
  });
  return parseExport(stdout, stack);
}

/** Why the Pulumi CLI gave no answer, in one sentence that begins with what was asked for. */
export function pulumiProblem(what: string, error: unknown): string {
  if ((error as NodeJS.ErrnoException).code === "ENOENT") {
    return `${what} cannot be read without the Pulumi CLI on PATH: https://www.pulumi.com/docs/install.`;
  }
  const [said] = String((error as { stderr?: string }).stderr || error)
    .trim()
    .split("\n");
  return `${what} cannot be read: ${said}`;
}
