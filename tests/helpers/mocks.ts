import * as pulumi from "@pulumi/pulumi";

/** A resource as it was registered. */
export interface Registered {
  type: string;
  name: string;
  inputs: Record<string, unknown>;
}

/** Stands for the engine: records what is registered and answers with what a provider would add. */
export function recordResources(): Registered[] {
  const resources: Registered[] = [];
  pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs }) => {
        resources.push({ type, name, inputs });
        const arn = `arn:aws:test:::${name}`;
        const streamArn = `${arn}/stream/2026-01-01`;
        const added = { name: `${name}-1234567`, arn, streamArn, bucket: `${name}-1234567`, version: "7" };
        return { id: `${name}-id`, state: { ...added, ...inputs } };
      },
      call: ({ inputs }) => inputs,
    },
    "project",
    "test",
    false,
  );
  forgiveLateOutputs();
  return resources;
}

/** Pulumi's own mock of the engine, as far as it is changed here. */
interface Monitor {
  registerResourceOutputs(
    request: { getUrn(): string },
    callback: (error: null, answer: object) => void,
  ): void;
  getRegisteredResources(): Map<string, unknown>;
}

/**
 * A test may end while its components still register their outputs: with the next test's mocks in place they are
 * nobody's, and Pulumi's own mock would end the process for it.
 */
export function forgiveLateOutputs(): void {
  const monitor = pulumi.runtime.getMonitor() as unknown as Monitor;
  const register = monitor.registerResourceOutputs.bind(monitor);
  monitor.registerResourceOutputs = (request, callback) => {
    if (monitor.getRegisteredResources().has(request.getUrn())) register(request, callback);
    else callback(null, {});
  };
}

/** The value of an Output. */
export const resolved = <T>(output: pulumi.Output<T>): Promise<T> =>
  new Promise((resolve) => {
    output.apply(resolve);
  });

/** Waits until everything that was registered so far has been answered. */
export async function settled(...resources: pulumi.Resource[]): Promise<void> {
  await Promise.all(resources.map((resource) => resolved(resource.urn)));
}

/** The one resource of a type and name. */
export function find(resources: Registered[], type: string, name: string): Record<string, unknown> {
  const found = resources.filter((resource) => resource.type === type && resource.name === name);
  if (found.length === 1 && found[0]) return found[0].inputs;
  const known = resources.map((resource) => `${resource.type} ${resource.name}`).join("\n");
  throw new Error(`${found.length} resources ${type} ${name}, among\n${known}`);
}
