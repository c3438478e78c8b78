/** The AWS account that is set up: its clients, who we are in it, and what its refusals mean. */
import { IAMClient } from "@aws-sdk/client-iam";
import { KMSClient } from "@aws-sdk/client-kms";
import { S3Client } from "@aws-sdk/client-s3";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { explain as explainRefusal } from "../shared/credentials.ts";

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

/** A refusal of AWS in one sentence, with the cure. */
export const explain = (error: unknown): Error =>
  explainRefusal(error, "someone who may make IAM roles, a KMS key and a bucket");

export const whoAmI = async ({ sts }: Clients): Promise<Identity> => {
  const { Account, Arn } = await sts.send(new GetCallerIdentityCommand({}));
  if (Account === undefined || Arn === undefined)
    throw new Error("AWS did not say which account these credentials are for.");
  return { account: Account, partition: Arn.split(":")[1] ?? "aws", arn: Arn };
};
