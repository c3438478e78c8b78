/**
 * The calls of IAM, STS, KMS and S3 that the bootstrap makes, answered from memory on loopback, in AWS's wire formats.
 * Every change is noted; the one of a given number can be refused, as a lost right or connection would.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";

export const ACCOUNT = "123456789012";

interface Answer {
  status?: number;
  body?: string;
  type?: string;
}

class Refusal extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string = code) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export interface Bucket {
  region: string;
  versioning?: string;
  encryption?: string;
  block?: string;
  policy?: string;
}

export interface Role {
  trust: string;
  description: string;
  session: number;
  attached: string[];
}

export interface Policy {
  next: number;
  versions: Map<string, string>;
  standard: string;
}

export interface Key {
  description: string;
  state: string;
  rotates: boolean;
}

const escapeXml = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

const readBody = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
};

const refusal = ({ status, code, message }: Refusal, isJson: boolean, isQuery: boolean): Answer => {
  if (isJson) return { status, body: JSON.stringify({ __type: code, message }), type: "application/json" };
  const error = `<Error><Code>${code}</Code><Message>${escapeXml(message)}</Message></Error>`;
  return { status, body: isQuery ? `<ErrorResponse>${error}</ErrorResponse>` : error };
};

export class FakeAws {
  readonly buckets = new Map<string, Bucket>();
  /** Buckets of other accounts. */
  readonly foreign = new Set<string>();
  readonly keys = new Map<string, Key>();
  readonly aliases = new Map<string, string>();
  readonly providers = new Map<string, string[]>();
  readonly roles = new Map<string, Role>();
  readonly policies = new Map<string, Policy>();
  /** Names of the calls that changed something, in their order. */
  readonly changes: string[] = [];
  /** The change of this number (from 0) is refused, once. */
  refuse: number | undefined;
  endpoint = "";
  readonly #server: Server = createServer(async (request, response) => {
    const { status = 200, body = "", type = "text/xml" } = this.#answer(request, await readBody(request));
    response.writeHead(status, { "content-type": type, "x-amzn-requestid": "1" }).end(body);
  });

  async listen(): Promise<void> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    this.endpoint = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  /** Everything there is, for comparing two accounts. */
  contents(): unknown {
    const plain = (map: Map<string, unknown>) => Object.fromEntries([...map].sort());
    const policies = [...this.policies].map(([name, { versions, standard }]) => [
      name,
      versions.get(standard),
    ]);
    return {
      buckets: plain(this.buckets),
      keys: [...this.keys.values()],
      aliases: [...this.aliases.keys()],
      providers: plain(this.providers),
      roles: plain(this.roles),
      policies: policies.sort(),
    };
  }

  #answer(request: IncomingMessage, body: string): Answer {
    const target = String(request.headers["x-amz-target"] ?? "");
    const isQuery = String(request.headers["content-type"]).includes("x-www-form-urlencoded");
    try {
      if (target.startsWith("TrentService.")) return this.#kms(target.split(".")[1] ?? "", JSON.parse(body));
      if (isQuery) return this.#query(new URLSearchParams(body));
      return this.#s3(request, body);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return refusal(error, target !== "", isQuery);
    }
  }

  #change(name: string): void {
    if (this.changes.length === this.refuse) {
      this.refuse = undefined;
      throw new Refusal(403, "AccessDenied", `not authorized to perform ${name}`);
    }
    this.changes.push(name);
  }

  #kms(action: string, input: Record<string, string>): Answer {
    const answer = (value: unknown): Answer => ({
      body: JSON.stringify(value),
      type: "application/x-amz-json-1.1",
    });
    const arn = (id: string) => `arn:aws:kms:us-east-1:${ACCOUNT}:key/${id}`;
    const id = this.aliases.get(input.KeyId ?? "") ?? (input.KeyId ?? "").replace(/^.*key\//, "");
    const key = this.keys.get(id);
    const metadata = (found: Key) => ({
      KeyId: id,
      Arn: arn(id),
      Description: found.description,
      KeyState: found.state,
    });
    switch (action) {
      case "ListKeys":
        return answer({ Keys: [...this.keys.keys()].map((each) => ({ KeyId: each })), Truncated: false });
      case "CreateKey": {
        this.#change(action);
        const made = `key-${this.keys.size + 1}`;
        this.keys.set(made, { description: input.Description ?? "", state: "Enabled", rotates: false });
        return answer({ KeyMetadata: { KeyId: made, Arn: arn(made) } });
      }
      case "CreateAlias":
        this.#change(action);
        this.aliases.set(input.AliasName ?? "", (input.TargetKeyId ?? "").replace(/^.*key\//, ""));
        return answer({});
      default:
    }
    if (!key) throw new Refusal(400, "NotFoundException");
    if (action === "DescribeKey") return answer({ KeyMetadata: metadata(key) });
    if (action === "GetKeyRotationStatus") return answer({ KeyRotationEnabled: key.rotates });
    this.#change(action);
    key.rotates = true;
    return answer({});
  }

  #query(form: URLSearchParams): Answer {
    const action = form.get("Action") ?? "";
    const result = action === "GetCallerIdentity" ? this.#identity() : this.#iam(action, form);
    const metadata = "<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>";
    return {
      body: `<${action}Response><${action}Result>${result}</${action}Result>${metadata}</${action}Response>`,
    };
  }

  #identity(): string {
    return `<Account>${ACCOUNT}</Account><Arn>arn:aws:iam::${ACCOUNT}:user/admin</Arn><UserId>1</UserId>`;
  }

  #iam(action: string, form: URLSearchParams): string {
    const value = (name: string) => form.get(name) ?? "";
    if (action.includes("OpenIDConnect")) return this.#provider(action, value);
    if (/PolicyVersion|^(?:Get|Create)Policy$/.test(action)) return this.#policy(action, value);
    return this.#role(action, value);
  }

  #provider(action: string, value: (name: string) => string): string {
    if (action === "CreateOpenIDConnectProvider") {
      this.#change(action);
      const arn = `arn:aws:iam::${ACCOUNT}:oidc-provider/${value("Url").replace("https://", "")}`;
      this.providers.set(arn, [value("ClientIDList.member.1")]);
      return "";
    }
    const clients = this.providers.get(value("OpenIDConnectProviderArn"));
    if (!clients) throw new Refusal(404, "NoSuchEntity");
    if (action === "AddClientIDToOpenIDConnectProvider") {
      this.#change(action);
      clients.push(value("ClientID"));
    }
    return `<ClientIDList>${clients.map((each) => `<member>${each}</member>`).join("")}</ClientIDList>`;
  }

  #policy(action: string, value: (name: string) => string): string {
    if (action === "CreatePolicy") {
      this.#change(action);
      const versions = new Map([["v1", value("PolicyDocument")]]);
      const arn = `arn:aws:iam::${ACCOUNT}:policy/${value("PolicyName")}`;
      this.policies.set(arn, { next: 2, versions, standard: "v1" });
      return "";
    }
    const policy = this.policies.get(value("PolicyArn"));
    if (!policy) throw new Refusal(404, "NoSuchEntity");
    return this.#policyVersion(action, policy, value);
  }

  #policyVersion(action: string, policy: Policy, value: (name: string) => string): string {
    const { versions } = policy;
    switch (action) {
      case "GetPolicy":
        return `<Policy><DefaultVersionId>${policy.standard}</DefaultVersionId></Policy>`;
      case "GetPolicyVersion":
        return `<PolicyVersion><Document>${encodeURIComponent(versions.get(value("VersionId")) ?? "")}</Document></PolicyVersion>`;
      case "ListPolicyVersions":
        return `<Versions>${[...versions.keys()]
          .map(
            (id) =>
              `<member><VersionId>${id}</VersionId><IsDefaultVersion>${id === policy.standard}</IsDefaultVersion></member>`,
          )
          .join("")}</Versions>`;
      case "DeletePolicyVersion":
        this.#change(action);
        versions.delete(value("VersionId"));
        return "";
      default:
        if (versions.size >= 5) throw new Refusal(409, "LimitExceeded");
        this.#change(action);
        policy.standard = `v${policy.next}`;
        policy.next += 1;
        versions.set(policy.standard, value("PolicyDocument"));
        return "";
    }
  }

  #role(action: string, value: (name: string) => string): string {
    const name = value("RoleName");
    if (action === "CreateRole") {
      this.#change(action);
      const role = { trust: value("AssumeRolePolicyDocument"), description: value("Description") };
      this.roles.set(name, { ...role, session: Number(value("MaxSessionDuration")), attached: [] });
      return "";
    }
    const role = this.roles.get(name);
    if (!role) throw new Refusal(404, "NoSuchEntity");
    if (action === "GetRole")
      return `<Role><RoleName>${name}</RoleName><MaxSessionDuration>${role.session}</MaxSessionDuration><AssumeRolePolicyDocument>${encodeURIComponent(role.trust)}</AssumeRolePolicyDocument></Role>`;
    if (action === "ListAttachedRolePolicies")
      return `<AttachedPolicies>${role.attached.map((arn) => `<member><PolicyArn>${arn}</PolicyArn></member>`).join("")}</AttachedPolicies>`;
    this.#change(action);
    if (action === "UpdateAssumeRolePolicy") role.trust = value("PolicyDocument");
    else if (action === "UpdateRole") role.session = Number(value("MaxSessionDuration"));
    else if (action === "DetachRolePolicy")
      role.attached = role.attached.filter((arn) => arn !== value("PolicyArn"));
    else if (!role.attached.includes(value("PolicyArn"))) role.attached.push(value("PolicyArn"));
    return "";
  }

  #s3({ method = "", url = "" }: IncomingMessage, body: string): Answer {
    const { pathname, searchParams } = new URL(url, this.endpoint);
    const name = pathname.split("/")[1] ?? "";
    const setting = [...searchParams.keys()].find((key) => key !== "x-id");
    if (this.foreign.has(name)) throw new Refusal(403, "AccessDenied");
    if (method === "PUT" && setting === undefined) {
      this.#change("CreateBucket");
      this.buckets.set(name, { region: /<LocationConstraint>([^<]+)/.exec(body)?.[1] ?? "us-east-1" });
      return {};
    }
    const bucket = this.buckets.get(name);
    if (!bucket) throw new Refusal(404, "NoSuchBucket");
    if (method === "HEAD") return {};
    return this.#setting(bucket, method, setting ?? "", body);
  }

  #setting(bucket: Bucket, method: string, setting: string, body: string): Answer {
    const fields: Record<string, [keyof Bucket, string]> = {
      versioning: ["versioning", ""],
      encryption: ["encryption", "ServerSideEncryptionConfigurationNotFoundError"],
      publicAccessBlock: ["block", "NoSuchPublicAccessBlockConfiguration"],
      policy: ["policy", "NoSuchBucketPolicy"],
    };
    const [field, absent] = fields[setting] ?? ["policy", "NotImplemented"];
    if (method === "PUT") {
      this.#change(`PutBucket:${setting}`);
      bucket[field] = body;
      return {};
    }
    const value = bucket[field];
    if (value === undefined && absent) throw new Refusal(404, absent);
    return {
      body: value ?? "<VersioningConfiguration/>",
      type: setting === "policy" ? "application/json" : "text/xml",
    };
  }
}
