/** The AWS account that is set up: its clients, who we are in it, and what its refusals mean. */
import { IAMClient } from "@aws-sdk/client-iam";
import { KMSClient } from "@aws-sdk/client-kms";
import { S3Client } from "@aws-sdk/client-s3";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";

export interface Clients {
  iam: IAMClient;
  kms: KMSClient;
  s3: S3Client;
  sts: STSClient;
}

export const createClients = (region: string): Clients => ({
  iam: new IAMClient({ region }),
  kms: new KMSClient({ region }),
  s3: new S3Client({ region }),
  sts: new STSClient({ region }),
});

export interface Identity {
  account: string;
  partition: string;
  arn: string;
}

const EXPIRED = new Set(["ExpiredToken", "ExpiredTokenException", "RequestExpired"]);
const UNKNOWN_KEY = new Set(["InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch"]);

/** A refusal of AWS in one sentence, with the cure. */
export const explain = (error: unknown): Error => {
  if (!(error instanceof Error)) return new Error(String(error));
  const [said = ""] = error.message.split("\n");
  if (/^(?:CredentialsProviderError|TokenProviderError)$/.test(error.name))
    return new Error(
      "There are no AWS credentials: sign in (aws sso login, then AWS_PROFILE=...) as someone who may make IAM roles, a KMS key and a bucket.",
    );
  if (EXPIRED.has(error.name))
    return new Error("The AWS credentials have expired: sign in again (aws sso login).");
  if (UNKNOWN_KEY.has(error.name))
    return new Error(`AWS does not know these credentials (${error.name}): sign in again.`);
  if (/^AccessDenied/.test(error.name))
    return new Error(
      `AWS refused: ${said.replace(/\.?$/, ".")} Sign in as someone who may make IAM roles, a KMS key and a bucket.`,
    );
  return error;
};

export const whoAmI = async ({ sts }: Clients): Promise<Identity> => {
  const { Account, Arn } = await sts.send(new GetCallerIdentityCommand({}));
  if (Account === undefined || Arn === undefined)
    throw new Error("AWS did not say which account these credentials are for.");
  return { account: Account, partition: Arn.split(":")[1] ?? "aws", arn: Arn };
};
