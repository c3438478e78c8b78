import type * as pulumi from "@pulumi/pulumi";

/**
 * The last word on one child resource: either properties laid over the component's own, or a function that
 * gets the arguments and options about to be used and returns the ones to use instead.
 * Precedence everywhere: defaults < args < transform.
 */
export type Transform<A extends object> =
  | Partial<A>
  | ((args: A, opts: pulumi.CustomResourceOptions) => { args: A; opts: pulumi.CustomResourceOptions });

/** Applies `transform` to a child's arguments and options; neither input is changed. */
export function applyTransform<A extends object>(
  transform: Transform<A> | undefined,
  args: A,
  opts: pulumi.CustomResourceOptions,
): [A, pulumi.CustomResourceOptions] {
  if (transform === undefined) return [args, opts];
  if (typeof transform !== "function") return [{ ...args, ...transform }, opts];
  const result = transform({ ...args }, { ...opts });
  return [result.args, result.opts];
}
