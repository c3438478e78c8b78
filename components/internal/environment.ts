/**
 * Lambda's rules for environment variables, checked before deployment.
 */
import { argumentError, type Culprit } from "./arguments.ts";

/** All variables together, as JSON: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
export const MAX_ENVIRONMENT = 4_096;
/** https://docs.aws.amazon.com/lambda/latest/api/API_Environment.html */
const VARIABLE_NAME = /^[A-Za-z][A-Za-z0-9_]+$/;
/** Reserved: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime */
const RESERVED =
  /^(AWS_(DEFAULT_REGION|REGION|EXECUTION_ENV|ACCESS_KEY|ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN)|AWS_LAMBDA_(FUNCTION_\w+|INITIALIZATION_TYPE|LOG_\w+|RUNTIME_API)|LAMBDA_(TASK_ROOT|RUNTIME_DIR))$/;
/** Captured values travel under such names, and would silently win over the user's. */
const CAPTURED = /^CAPTURE_/;
/** How many of the biggest variables an error names. */
const BIGGEST = 3;

/** Bytes of the environment as AWS counts them: the serialised JSON, in UTF-8. */
export function environmentSize(environment: Record<string, string>): number {
  return Buffer.byteLength(JSON.stringify(environment));
}

/**
 * Whether the user may set these variables.
 * @throws {Error} naming the component and the variable
 */
export function checkVariableNames(who: Culprit, names: string[]): void {
  for (const name of names) {
    if (!VARIABLE_NAME.test(name)) {
      throw argumentError(
        who,
        `environment variable "${name}" is not valid; Lambda takes a letter, then letters, digits and _ (2 or more characters).`,
      );
    }
    const owner = RESERVED.test(name) ? "Lambda sets it" : CAPTURED.test(name) && "captured values use it";
    if (owner) throw argumentError(who, `environment variable "${name}" is reserved (${owner}). Rename it.`);
  }
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
