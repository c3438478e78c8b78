/** The key that encrypts the state and the secrets in it. */
import {
  CreateAliasCommand,
  CreateKeyCommand,
  DescribeKeyCommand,
  EnableKeyRotationCommand,
  GetKeyRotationStatusCommand,
  type KeyMetadata,
  type KMSClient,
  paginateListKeys,
} from "@aws-sdk/client-kms";
import { type Findings, orAbsent, type Task } from "./task.ts";

export const aliasOf = (project: string): string => `alias/${project}-secrets`;

/** By this a key is found again whose alias could not be made. */
const descriptionOf = (project: string): string => `State and secrets of ${project}`;

const describe = async (kms: KMSClient, key: string): Promise<KeyMetadata | undefined> =>
  (await orAbsent(kms.send(new DescribeKeyCommand({ KeyId: key })), "NotFoundException"))?.KeyMetadata;

const isOf = (project: string, key: KeyMetadata | undefined): boolean =>
  key?.Description === descriptionOf(project) && key.KeyState === "Enabled";

const withoutAlias = async (kms: KMSClient, project: string): Promise<KeyMetadata | undefined> => {
  for await (const { Keys = [] } of paginateListKeys({ client: kms }, { Limit: 100 })) {
    for (const { KeyId = "" } of Keys) {
      const key = await describe(kms, KeyId);
      if (isOf(project, key)) return key;
    }
  }
  return undefined;
};

const usable = (alias: string, key: KeyMetadata | undefined): KeyMetadata | undefined => {
  if (key === undefined || key.KeyState === "Enabled") return key;
  throw new Error(
    `The key behind ${alias} is in state ${key.KeyState}: bring it back (aws kms cancel-key-deletion or enable-key --key-id ${key.KeyId}), for without it the state cannot be read.`,
  );
};

/** The key, its name and its yearly rotation. */
export const keyTasks = (kms: KMSClient, project: string, findings: Findings): Task[] => {
  const alias = aliasOf(project);
  const byAlias = async () => usable(alias, await describe(kms, alias));
  return [
    {
      what: `create a KMS key for the state and its secrets ("${descriptionOf(project)}")`,
      isDone: async () => {
        const key = (await byAlias()) ?? (await withoutAlias(kms, project));
        findings.keyArn = key?.Arn;
        return key !== undefined;
      },
      perform: async () => {
        const { KeyMetadata } = await kms.send(
          new CreateKeyCommand({
            Description: descriptionOf(project),
            Tags: [{ TagKey: "project", TagValue: project }],
          }),
        );
        findings.keyArn = KeyMetadata?.Arn;
      },
    },
    {
      what: `name the key ${alias}`,
      isDone: async () => (await byAlias()) !== undefined,
      perform: async () => {
        await kms.send(new CreateAliasCommand({ AliasName: alias, TargetKeyId: findings.keyArn }));
      },
    },
    {
      what: "rotate the key every year",
      isDone: async () => {
        if (findings.keyArn === undefined) return false;
        const status = await kms.send(new GetKeyRotationStatusCommand({ KeyId: findings.keyArn }));
        return status.KeyRotationEnabled === true;
      },
      perform: async () => {
        await kms.send(new EnableKeyRotationCommand({ KeyId: findings.keyArn }));
      },
    },
  ];
};
