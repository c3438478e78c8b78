import * as pulumi from "@pulumi/pulumi";

/** A resource of the program, as it was declared. */
export interface MadeResource {
  /** Type token, e.g. `aws:sqs/queue:Queue`. */
  type: string;
  /** Logical name. */
  name: string;
  /** The resource itself; its outputs are there once its constructor has returned. */
  resource: pulumi.Resource;
  /** Its arguments, as its constructor got them. */
  args: Readonly<Record<string, unknown>>;
}

// One list per program run, keyed by the run's root, so that two programs in one process (tests) never mix.
const collections = new WeakMap<object, MadeResource[]>();

/**
 * The AWS resources that the program makes from the first call on, in their order; the list goes on growing. It comes
 * from a transformation on the stack, which every resource passes on its way in, those of the end of the program and
 * those of components from elsewhere too, so nobody has to list anything. It changes no resource. A component takes
 * the transformation over from its parent when it is made, so the first call belongs at the program's beginning.
 * Source: https://www.pulumi.com/docs/iac/concepts/options/transformations/
 * @throws {Error} outside a program, where there is no stack
 */
export function stackResources(): readonly MadeResource[] {
  const root = pulumi.runtime.getStackResource();
  if (!root) throw new Error("The stack's resources can be collected in a Pulumi program only.");
  const existing = collections.get(root);
  if (existing) return existing;
  const made: MadeResource[] = [];
  collections.set(root, made);
  pulumi.runtime.registerStackTransformation(({ type, name, resource, props, opts }) => {
    // One with an id is only looked up, and another program's.
    if (type.startsWith("aws:") && Reflect.get(opts, "id") === undefined) {
      made.push({ type, name, resource, args: props });
    }
    return undefined;
  });
  return made;
}
