/**
 * Modules that only the bundle has: how Lambda reads captures and credentials.
 */

/** Reads a captured value; a value that was undefined or null at deployment is undefined. */
export const CAPTURE_CODE = `
const values = new Map();
export function capture(name) {
  if (!values.has(name)) {
    const text = process.env[name];
    if (text === undefined) throw new Error("Environment variable " + name + " is missing: the deployment sets it from a captured Output.");
    values.set(name, JSON.parse(text) ?? undefined);
  }
  return values.get(name);
}
`;

/**
 * Lambda hands out its role's credentials as environment variables, so the SDK's chain of twelve providers
 * (SSO, ini files, containers, instance metadata) is dead weight there. Not so under SnapStart, which uses
 * the container endpoint: a function with SnapStart cannot use this package.
 * Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime,
 * https://docs.aws.amazon.com/lambda/latest/dg/snapstart-activate.html
 */
export const CREDENTIALS_CODE = `
export const defaultProvider = () => async () => {
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_CREDENTIAL_EXPIRATION, AWS_ACCOUNT_ID } = process.env;
  if (!AWS_ACCESS_KEY_ID || !AWS_SECRET_ACCESS_KEY) throw new Error("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set: Lambda sets them from the function's role.");
  return {
    accessKeyId: AWS_ACCESS_KEY_ID,
    secretAccessKey: AWS_SECRET_ACCESS_KEY,
    ...(AWS_SESSION_TOKEN && { sessionToken: AWS_SESSION_TOKEN }),
    ...(AWS_CREDENTIAL_EXPIRATION && { expiration: new Date(AWS_CREDENTIAL_EXPIRATION) }),
    ...(AWS_ACCOUNT_ID && { accountId: AWS_ACCOUNT_ID }),
  };
};
`;

/** Lambda has no ~/.aws; the SDK would look for it at every cold start, and pick up a developer's own locally. */
export const NO_CONFIG_FILES_CODE = `
export { CONFIG_PREFIX_SEPARATOR } from "./constants";
export const loadSharedConfigFiles = async () => ({ configFile: {}, credentialsFile: {} });
`;
