/** What AWS's refusals mean, for people. */

const EXPIRED = new Set(["ExpiredToken", "ExpiredTokenException", "RequestExpired"]);
const UNKNOWN_KEY = new Set(["InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch"]);

/**
 * A refusal of AWS in one sentence, with the cure; any other error as it is.
 * @param needed who may do what was tried, e.g. "someone who may make IAM roles"
 */
export const explain = (error: unknown, needed: string): Error => {
  if (!(error instanceof Error)) return new Error(String(error));
  const [said = ""] = error.message.split("\n");
  if (/^(?:CredentialsProviderError|TokenProviderError)$/.test(error.name))
    return new Error(
      `There are no AWS credentials: sign in (aws sso login, then AWS_PROFILE=...) as ${needed}.`,
    );
  if (EXPIRED.has(error.name))
    return new Error("The AWS credentials have expired: sign in again (aws sso login).");
  if (UNKNOWN_KEY.has(error.name))
    return new Error(`AWS does not know these credentials (${error.name}): sign in again.`);
  if (/^AccessDenied/.test(error.name))
    return new Error(`AWS refused: ${said.replace(/\.?$/, ".")} Sign in as ${needed}.`);
  return error;
};
