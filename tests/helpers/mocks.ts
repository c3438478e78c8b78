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
        const added = { name: `${name}-1234567`, arn, streamArn, bucket: `${name}-1234567` };
        return { id: `${name}-id`, state: { ...added, ...inputs } };
      },
      call: ({ inputs }) => inputs,
    },
    "project",
    "test",
    false,
  );
  return resources;
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
