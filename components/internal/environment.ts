/**
 * Lambda's limit on environment variables, checked before deployment.
 */

/** All variables together, as JSON: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
export const MAX_ENVIRONMENT = 4_096;
/** How many of the biggest variables an error names. */
const BIGGEST = 3;

/** Bytes of the environment as AWS counts them: the serialised JSON, in UTF-8. */
export function environmentSize(environment: Record<string, string>): number {
  return Buffer.byteLength(JSON.stringify(environment));
}

/** @throws {Error} naming the function, the size and the biggest variables (never their values). */
export function checkEnvironment(functionName: string, environment: Record<string, string>): void {
  const size = environmentSize(environment);
  if (size <= MAX_ENVIRONMENT) return;
  const biggest = Object.entries(environment)
    .map(([name, value]) => ({ name, bytes: Buffer.byteLength(JSON.stringify(value)) }))
    .sort((left, right) => right.bytes - left.bytes)
    .slice(0, BIGGEST)
    .map(({ name, bytes }) => `${name} (${bytes} B)`);
  throw new Error(
    `Function "${functionName}": its environment has ${size} B as JSON, more than Lambda's ${MAX_ENVIRONMENT} B. The biggest: ${biggest.join(", ")}. Capture less: put large values in a file that the callback imports, in a parameter or in a bucket.`,
  );
}
