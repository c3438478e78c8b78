/** GitHub's identity provider in the account, and the roles that the repository's jobs take. */
import {
  AddClientIDToOpenIDConnectProviderCommand,
  AttachRolePolicyCommand,
  CreateOpenIDConnectProviderCommand,
  CreatePolicyCommand,
  CreatePolicyVersionCommand,
  CreateRoleCommand,
  DeletePolicyVersionCommand,
  DetachRolePolicyCommand,
  GetOpenIDConnectProviderCommand,
  GetPolicyCommand,
  GetPolicyVersionCommand,
  GetRoleCommand,
  type IAMClient,
  ListAttachedRolePoliciesCommand,
  ListPolicyVersionsCommand,
  UpdateAssumeRolePolicyCommand,
  UpdateRoleCommand,
} from "@aws-sdk/client-iam";
import {
  AUDIENCE,
  type Document,
  ISSUER,
  MOST_POLICIES,
  type Place,
  packed,
  providerArn,
} from "./policies.ts";
import { orAbsent, saysTheSame, type Task } from "./task.ts";

const NONE = "NoSuchEntityException";

/** How long a job's credentials last: a canary's shift and its watching included, seconds. */
const SESSION_SECONDS = 7_200;

export const providerTasks = (iam: IAMClient, place: Place): Task[] => {
  const arn = providerArn(place);
  const provider = () =>
    orAbsent(iam.send(new GetOpenIDConnectProviderCommand({ OpenIDConnectProviderArn: arn })), NONE);
  return [
    {
      what: `trust GitHub's identity provider, ${ISSUER}`,
      isDone: async () => (await provider()) !== undefined,
      perform: async () => {
        const input = { Url: `https://${ISSUER}`, ClientIDList: [AUDIENCE] };
        await iam.send(new CreateOpenIDConnectProviderCommand(input));
      },
    },
    {
      // Whoever set it up before us may use it for something else: nothing of theirs is taken away.
      what: `let the provider's tokens be for ${AUDIENCE}`,
      isDone: async () => (await provider())?.ClientIDList?.includes(AUDIENCE) ?? false,
      perform: async () => {
        const input = { OpenIDConnectProviderArn: arn, ClientID: AUDIENCE };
        await iam.send(new AddClientIDToOpenIDConnectProviderCommand(input));
      },
    },
  ];
};

export interface RoleOptions {
  iam: IAMClient;
  place: Place;
  name: string;
  description: string;
  trust: Document;
  /** Asked when it is needed: the key's ARN is known only once there is one. */
  rights(): readonly Document[];
}

export const roleArnOf = (name: string, { partition, account }: Place): string =>
  `arn:${partition}:iam::${account}:role/${name}`;

const getRole = async ({ iam, name }: RoleOptions) =>
  (await orAbsent(iam.send(new GetRoleCommand({ RoleName: name })), NONE))?.Role;

const createRole = async ({ iam, name, description, trust }: RoleOptions): Promise<void> => {
  await iam.send(
    new CreateRoleCommand({
      RoleName: name,
      Description: description,
      AssumeRolePolicyDocument: JSON.stringify(trust),
      MaxSessionDuration: SESSION_SECONDS,
    }),
  );
};

/** A managed policy keeps five versions. */
const MOST_VERSIONS = 5;

class ManagedPolicy {
  readonly name: string;
  readonly #options: RoleOptions;
  readonly #index: number;

  constructor(options: RoleOptions, index: number) {
    this.#options = options;
    this.#index = index;
    this.name = `${options.name}-${index + 1}`;
  }

  get arn(): string {
    const { partition, account } = this.#options.place;
    return `arn:${partition}:iam::${account}:policy/${this.name}`;
  }

  /** Nothing when the rights need fewer policies. */
  get #wanted(): Document | undefined {
    return packed(this.#options.rights())[this.#index];
  }

  async isDone(): Promise<boolean> {
    const wanted = this.#wanted;
    const attached = await this.#isAttached();
    if (wanted === undefined) return !attached;
    return attached && saysTheSame(await this.#text(), wanted);
  }

  async perform(): Promise<void> {
    const { iam, name } = this.#options;
    const wanted = this.#wanted;
    const attachment = { RoleName: name, PolicyArn: this.arn };
    if (wanted === undefined) {
      await iam.send(new DetachRolePolicyCommand(attachment));
      return;
    }
    await this.#write(wanted);
    await iam.send(new AttachRolePolicyCommand(attachment));
  }

  async #isAttached(): Promise<boolean> {
    const { iam, name } = this.#options;
    const asked = iam.send(new ListAttachedRolePoliciesCommand({ RoleName: name }));
    const { AttachedPolicies = [] } = (await orAbsent(asked, NONE)) ?? {};
    return AttachedPolicies.some(({ PolicyArn }) => PolicyArn === this.arn);
  }

  async #text(): Promise<string | undefined> {
    const { iam } = this.#options;
    const found = await orAbsent(iam.send(new GetPolicyCommand({ PolicyArn: this.arn })), NONE);
    const version = found?.Policy?.DefaultVersionId;
    if (version === undefined) return undefined;
    const input = { PolicyArn: this.arn, VersionId: version };
    return (await iam.send(new GetPolicyVersionCommand(input))).PolicyVersion?.Document;
  }

  async #write(wanted: Document): Promise<void> {
    const { iam } = this.#options;
    const text = await this.#text();
    const document = JSON.stringify(wanted);
    if (text === undefined) {
      await iam.send(new CreatePolicyCommand({ PolicyName: this.name, PolicyDocument: document }));
    } else if (!saysTheSame(text, wanted)) {
      await this.#makeRoom();
      const input = { PolicyArn: this.arn, PolicyDocument: document, SetAsDefault: true };
      await iam.send(new CreatePolicyVersionCommand(input));
    }
  }

  async #makeRoom(): Promise<void> {
    const { iam } = this.#options;
    const { Versions = [] } = await iam.send(new ListPolicyVersionsCommand({ PolicyArn: this.arn }));
    if (Versions.length < MOST_VERSIONS) return;
    const number = (id = "v0") => Number(id.slice(1));
    const [oldest] = Versions.filter(({ IsDefaultVersion }) => !IsDefaultVersion).sort(
      (left, right) => number(left.VersionId) - number(right.VersionId),
    );
    await iam.send(new DeletePolicyVersionCommand({ PolicyArn: this.arn, VersionId: oldest?.VersionId }));
  }
}

/** All that earlier rights may have needed: those that today's do not are detached. */
const policyTasks = (options: RoleOptions): Task[] =>
  Array.from({ length: MOST_POLICIES }, (_, index) => {
    const policy = new ManagedPolicy(options, index);
    return {
      what: `${index < packed(options.rights()).length ? "give" : "take away"} the role ${options.name} the rights in the policy ${policy.name}`,
      isDone: () => policy.isDone(),
      perform: () => policy.perform(),
    };
  });

/** A role: who may take it, for how long, and what it may do. */
export const roleTasks = (options: RoleOptions): Task[] => [
  {
    what: `create the role ${options.name}: ${options.description}`,
    isDone: async () => (await getRole(options)) !== undefined,
    perform: () => createRole(options),
  },
  {
    what: `let ${options.name} be taken by the repository's jobs, and by nobody else`,
    isDone: async () => saysTheSame((await getRole(options))?.AssumeRolePolicyDocument, options.trust),
    perform: async () => {
      const input = { RoleName: options.name, PolicyDocument: JSON.stringify(options.trust) };
      await options.iam.send(new UpdateAssumeRolePolicyCommand(input));
    },
  },
  {
    what: `let a session of ${options.name} last two hours`,
    isDone: async () => (await getRole(options))?.MaxSessionDuration === SESSION_SECONDS,
    perform: async () => {
      const input = { RoleName: options.name, MaxSessionDuration: SESSION_SECONDS };
      await options.iam.send(new UpdateRoleCommand(input));
    },
  },
  ...policyTasks(options),
];
