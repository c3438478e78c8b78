/**
 * Least privilege from the code: the commands that a function imports, on the resources it captures.
 *
 * Commands times resources would over-grant as soon as a function holds two resources of one service and
 * sends commands that need different actions: then `access` says which goes where, and the error prints
 * the text to paste.
 */
import {
  grantOf,
  meaningOf,
  type ResourceForm,
  SERVICES,
  serviceCommand,
  WITHOUT_RESOURCE,
} from "./aws-actions.ts";
import { checkResource } from "./wildcards.ts";

/** A policy statement, ready for an IAM policy document. */
export interface Statement {
  Effect: "Allow";
  Action: string[];
  Resource: string[];
}

/** A resource that the function captures. */
export interface GrantableResource {
  /** Pulumi type token, e.g. `aws:dynamodb/table:Table`. */
  type: string;
  /** Logical name, as the `access` argument and errors call it. */
  name: string;
  /** Its ARN, or any placeholder that `withArns` replaces later (an ARN is unknown in a preview). */
  arn: string;
  /** Whether a table has indexes, so that queries need them granted too. @default false */
  indexes?: boolean;
}

/** A command in the bundle. */
interface CommandUse {
  command: string;
  client: string;
  importer: string;
}

export interface PermissionRequest {
  /** The function's name, for errors. */
  functionName: string;
  /** What the bundle found. */
  commands: CommandUse[];
  /** What the captured Outputs depend on; those that no command acts on get nothing. */
  resources: GrantableResource[];
  /** Narrows by hand: resource name -> the commands sent to it, e.g. `{ uploads: ["GetObjectCommand"] }`. */
  access?: Record<string, string[]>;
  /** Statements added by hand. No `*` in actions; the bare resource `*` only where AWS defines no resource. */
  extra?: { actions: string[]; resources: string[] }[];
}

export interface PermissionResult {
  /** Sorted and merged: the same request gives the same text. */
  statements: Statement[];
  /** Why each is there, e.g. `dynamodb:PutItem on readings: PutItemCommand in functions/aggregate-readings/handler.ts`. */
  reasons: string[];
}

/** One service command that the function sends. */
interface Need {
  client: string;
  /** Without `Command`. */
  verb: string;
  actions: string[];
  form: ResourceForm;
  /** As imported. */
  use: CommandUse;
}

interface Granted {
  action: string;
  resource: string;
  reason: string;
}

/** @throws {Error} naming the function, the command and the cure. */
export function derivePermissions(request: PermissionRequest): PermissionResult {
  const needs = request.commands.flatMap((use) => needsOf(use, request.functionName));
  checkAccess(request, needs);
  const granted = [...new Set(needs.map(({ client }) => client))].flatMap((client) =>
    grantService(
      request,
      needs.filter((need) => need.client === client),
    ),
  );
  granted.push(...(request.extra ?? []).flatMap((extra) => grantExtra(request.functionName, extra)));
  const reasons = new Set(granted.map(({ reason }) => reason));
  return { statements: merge(granted), reasons: [...reasons].sort() };
}

/** Puts the real ARNs in the place of placeholders. */
export function withArns(statements: Statement[], arns: Record<string, string>): Statement[] {
  const known = Object.entries(arns).sort(([left], [right]) => right.length - left.length);
  const fill = (resource: string): string => {
    const [placeholder, arn] = known.find(([each]) => isOn(resource, each)) ?? [resource, resource];
    return arn + resource.slice(placeholder.length);
  };
  return statements.map((statement) => ({ ...statement, Resource: statement.Resource.map(fill) }));
}

function isOn(resource: string, arn: string): boolean {
  return resource === arn || resource === `${arn}/*` || resource === `${arn}/index/*`;
}

function fail(functionName: string, message: string): never {
  throw new Error(`Function "${functionName}": ${message}`);
}

function needsOf(use: CommandUse, functionName: string): Need[] {
  const meaning = meaningOf(use.client, use.command);
  if (meaning.kind === "aggregated") return fail(functionName, aggregatedProblem(use));
  if (meaning.kind === "unknown") return fail(functionName, unknownProblem(use));
  return meaning.names.map((verb) => {
    const grant = grantOf(meaning.client, verb) ?? { actions: [], form: "itself" };
    return { client: meaning.client, verb, ...grant, use };
  });
}

function aggregatedProblem({ command, client, importer }: CommandUse): string {
  const service = serviceCommand(client, "GetCommand").client;
  const names = Object.keys(SERVICES[service]?.commands ?? {});
  const example = names.find((name) => /^(Get|Put|Send|Publish)/.test(name)) ?? names[0] ?? "Get";
  return `${importer} imports '${command}' from '${client}', which holds every command of the service, so its permissions cannot be derived. Import the client and the commands it sends instead, e.g. ${example}Command.`;
}

function unknownProblem({ command, client, importer }: CommandUse): string {
  return `${importer} imports '${command}' from '${client}', and no permission is known for it. Add it to components/internal/aws-actions.ts with the actions it needs.`;
}

/** The commands of one service on the function's resources of that service. */
function grantService(request: PermissionRequest, needs: Need[]): Granted[] {
  const [first] = needs;
  const service = SERVICES[first?.client ?? ""];
  if (!first || !service) return [];
  const resources = request.resources.filter(({ type }) => service.types.includes(type));
  if (resources.length === 0 && !coveredByHand(request, needs)) {
    fail(request.functionName, missingProblem(first, service.noun));
  }
  const access = request.access ?? {};
  const isNarrowed = resources.some(({ name }) => Object.hasOwn(access, name));
  if (!isNarrowed && resources.length > 1 && actionSets(needs) > 1) {
    fail(request.functionName, ambiguousProblem(resources, needs, service.noun));
  }
  return resources.flatMap((resource) =>
    needs
      .filter((need) => !isNarrowed || namesCommand(access[resource.name] ?? [], need))
      .flatMap((need) => grant(need, resource)),
  );
}

function missingProblem({ use, verb }: Need, noun: string): string {
  return `${use.importer} imports '${use.command}', but the callback captures no ${noun} to send it to. Read the ${noun}'s name inside the callback with .get(), or add permissions: [{ actions: [...], resources: [...] }] for ${verb}.`;
}

/** Statements by hand that hold every action needed are the way out for resources from elsewhere. */
function coveredByHand({ extra = [] }: PermissionRequest, needs: Need[]): boolean {
  const byHand = new Set(extra.flatMap(({ actions }) => actions));
  return needs.every(({ actions }) => actions.every((action) => byHand.has(action)));
}

function actionSets(needs: Need[]): number {
  return new Set(needs.map(({ actions }) => actions.toSorted().join())).size;
}

function ambiguousProblem(resources: GrantableResource[], needs: Need[], noun: string): string {
  const names = resources.map(({ name }) => name).sort();
  const commands = [...new Set(needs.map(({ use }) => use.command))].sort();
  const list = `[${commands.map((command) => JSON.stringify(command)).join(", ")}]`;
  const paste = names.map((name) => `${propertyName(name)}: ${list}`).join(", ");
  return `it holds ${names.length} ${noun}s (${names.join(", ")}) and sends ${commands.join(", ")}; which goes to which cannot be told from the code. Say it, leaving out what a ${noun} does not need: access: { ${paste} }`;
}

function propertyName(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name);
}

/** `access` may say a command as imported, by the service's name, or lib-dynamodb's. */
function namesCommand(commands: string[], { client, verb, use }: Need): boolean {
  return commands.some((command) => {
    if (command === use.command || command === `${verb}Command`) return true;
    return client === "@aws-sdk/client-dynamodb" && documentCommand(command) === `${verb}Command`;
  });
}

function documentCommand(command: string): string {
  return serviceCommand("@aws-sdk/lib-dynamodb", command).command;
}

/** What `access` says must be true, and complete. */
function checkAccess({ functionName, access = {}, resources }: PermissionRequest, needs: Need[]): void {
  const names = resources.map(({ name }) => name);
  for (const [name, commands] of Object.entries(access)) {
    if (!names.includes(name)) {
      fail(
        functionName,
        `access names '${name}', which the callback does not capture. It captures: ${listed(names)}.`,
      );
    }
    for (const command of commands) {
      if (needs.some((need) => namesCommand([command], need))) continue;
      const imported = needs.map(({ use }) => use.command);
      fail(
        functionName,
        `access gives '${name}' the command '${command}', which its code does not import. It imports: ${listed(imported)}.`,
      );
    }
  }
  for (const need of needs) checkAssigned(functionName, need, access, resources);
}

function checkAssigned(
  functionName: string,
  need: Need,
  access: Record<string, string[]>,
  resources: GrantableResource[],
): void {
  const types = SERVICES[need.client]?.types ?? [];
  const narrowed = resources.filter(({ name, type }) => types.includes(type) && Object.hasOwn(access, name));
  if (narrowed.length === 0 || narrowed.some(({ name }) => namesCommand(access[name] ?? [], need))) return;
  fail(
    functionName,
    `${need.use.importer} imports '${need.use.command}', and access gives it to no resource. Add it to one of: ${listed(narrowed.map(({ name }) => name))}.`,
  );
}

function listed(names: string[]): string {
  return names.length === 0 ? "nothing" : [...new Set(names)].sort().join(", ");
}

function grant({ actions, form, use }: Need, resource: GrantableResource): Granted[] {
  return actions.flatMap((action) =>
    resourcesOf(form, resource).map((target) => ({
      action,
      resource: target,
      reason: `${action} on ${resource.name}: ${use.command} in ${use.importer}`,
    })),
  );
}

function resourcesOf(form: ResourceForm, { arn, indexes }: GrantableResource): string[] {
  if (form === "objects") return [`${arn}/*`];
  return form === "indexed" && indexes ? [arn, `${arn}/index/*`] : [arn];
}

function grantExtra(
  functionName: string,
  { actions, resources }: { actions: string[]; resources: string[] },
): Granted[] {
  return actions.flatMap((action) => {
    if (!/^[a-z0-9-]+:[A-Za-z0-9]+$/.test(action)) {
      fail(
        functionName,
        `permissions holds the action '${action}'. Write one action in full, e.g. "dynamodb:PutItem".`,
      );
    }
    return resources.map((resource) => {
      checkResource(functionName, action, resource);
      const why = resource === "*" ? `permissions (${WITHOUT_RESOURCE[action]})` : "permissions";
      return { action, resource, reason: `${action} on ${resource}: ${why}` };
    });
  });
}

/** Actions with the same resources share a statement. */
function merge(granted: Granted[]): Statement[] {
  const byAction = new Map<string, Set<string>>();
  for (const { action, resource } of granted) {
    const resources = byAction.get(action) ?? new Set();
    byAction.set(action, resources.add(resource));
  }
  const statements = new Map<string, Statement>();
  for (const [action, resources] of [...byAction].sort(([left], [right]) => (left < right ? -1 : 1))) {
    const list = [...resources].sort();
    const key = JSON.stringify(list);
    const statement = statements.get(key) ?? { Effect: "Allow", Action: [], Resource: list };
    statement.Action.push(action);
    statements.set(key, statement);
  }
  return [...statements.values()];
}
