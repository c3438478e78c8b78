import * as pulumi from "@pulumi/pulumi";

/**
 * What the rest of the program's current turn adds up to: a queue's visibility, its policy. `work` runs once the
 * program awaits something or has ended; its resource is registered only then, and nothing waits longer.
 */
export function nextTurn<T>(work: () => T): pulumi.Output<pulumi.Unwrap<T>> {
  const settled = new Promise<T>((resolve, reject) => {
    setImmediate(() => {
      try {
        resolve(work());
      } catch (error) {
        reject(error);
      }
    });
  });
  return pulumi.output(settled) as pulumi.Output<pulumi.Unwrap<T>>;
}
