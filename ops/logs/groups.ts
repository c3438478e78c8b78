/** Which log groups a stack has, by the names that people know their writers by. Pure. */
import type { ExportedResource } from "../shared/exported.ts";

/** A log group and who writes it: a function's logical name, or an API's with `-access`. */
export interface LogSource {
  name: string;
  group: string;
}

/** `urn:pulumi:dev::shop::...::greet-logs` -> `greet`. */
const writerOf = (urn: string): string => (urn.split("::").at(-1) ?? urn).replace(/-logs$/, "");

const byName = (a: LogSource, b: LogSource): number => (a.name < b.name ? -1 : 1);

/**
 * The deployed stack's region and log groups, from its state.
 * @throws {Error} when it has none
 */
export function deployedSources(
  resources: readonly ExportedResource[],
  stack: string,
): { region: string; sources: LogSource[] } {
  const region = resources.find(({ type }) => type === "pulumi:pulumi:Stack")?.outputs.region;
  const sources = resources
    .filter(({ type }) => type === "aws:cloudwatch/logGroup:LogGroup")
    .map(({ urn, outputs }) => ({ name: writerOf(urn), group: String(outputs.name ?? "") }))
    .sort(byName);
  if (typeof region === "string" && sources.length > 0) return { region, sources };
  throw new Error(
    `Stack "${stack}" has ${sources.length === 0 ? "no log groups" : "no output region"}: it is not this program, or was deployed in part only. Deploy it: npm run up -- --stack ${stack}.`,
  );
}

const ACCESS_LOGGED = /^aws:apigateway(?:v2)?\/stage:Stage$/;

/** Physical names of the groups that APIs write their access logs to, as the stages' settings have them. */
export const accessLogGroups = (resources: readonly ExportedResource[]): Set<string> =>
  new Set(
    resources
      .filter(({ type }) => ACCESS_LOGGED.test(type))
      .flatMap(({ outputs }) => {
        const { destinationArn } = (outputs.accessLogSettings ?? {}) as { destinationArn?: unknown };
        return /:log-group:([^:]+)/.exec(String(destinationArn ?? ""))?.[1] ?? [];
      }),
  );

/** What Pulumi and the API's own group have at the end of their names. */
const AUTONAME = /-logs-[0-9a-f]{7}$/;
const ACCESS_LOG = /^\/aws\/vendedlogs\/(.+)-[a-z0-9]+$/;

/** The groups of the system on this machine, which are all the stack's, by their physical names. */
export const localSources = (groups: readonly string[]): LogSource[] =>
  groups
    .map((group) => {
      const api = ACCESS_LOG.exec(group)?.[1];
      return { name: api === undefined ? group.replace(AUTONAME, "") : `${api}-access`, group };
    })
    .sort(byName);

/**
 * Those asked for by name; all of them when none is.
 * @throws {Error} naming those that there are
 */
export function chosenSources(
  sources: readonly LogSource[],
  names: readonly string[],
  stack: string,
): LogSource[] {
  const unknown = names.find((name) => !sources.some((source) => source.name === name));
  if (unknown !== undefined) {
    const known = sources.map(({ name }) => name).join(", ");
    throw new Error(`Stack "${stack}" has no function "${unknown}". It has ${known}.`);
  }
  return sources.filter(({ name }) => names.length === 0 || names.includes(name));
}
