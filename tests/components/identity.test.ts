import * as pulumi from "@pulumi/pulumi";
import { expect } from "chai";
import { Identity, type IdentityArgs } from "../../components/identity.ts";
import { forgiveLateOutputs } from "../helpers/mocks.ts";

const POOL_ID = "us-east-1_AbCdEf123";

const record = (project = "project"): Map<string, Record<string, unknown>> => {
  const resources = new Map<string, Record<string, unknown>>();
  pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs, custom }) => {
        if (custom) resources.set(type, inputs);
        const id = type.endsWith(":UserPool") ? POOL_ID : `${name}-id`;
        const extra = { endpoint: `cognito-idp.us-east-1.amazonaws.com/${id}`, clientSecret: "s3cret" };
        return { id, state: { ...extra, ...inputs } };
      },
      call: ({ inputs }) => inputs,
    },
    project,
    "dev",
    false,
  );
  forgiveLateOutputs();
  return resources;
};

const valueOf = <T>(output: pulumi.Output<T> | undefined): Promise<T> =>
  new Promise((resolve) => output?.apply(resolve));

const SCOPES = { "telemetry.read": "Read readings", "telemetry.write": "Send readings" };

describe("Identity", () => {
  it("creates a pool, its domain, the scopes and one machine client", async () => {
    const resources = record();
    const identity = new Identity("identity", { scopes: SCOPES });
    await pulumi.runtime.disconnect();
    await valueOf(identity.tokenEndpoint);

    expect([...resources.keys()]).to.have.members([
      "aws:cognito/userPool:UserPool",
      "aws:cognito/userPoolDomain:UserPoolDomain",
      "aws:cognito/resourceServer:ResourceServer",
      "aws:cognito/userPoolClient:UserPoolClient",
    ]);
    expect(resources.get("aws:cognito/userPoolClient:UserPoolClient")).to.deep.include({
      userPoolId: POOL_ID,
      generateSecret: true,
      allowedOauthFlows: ["client_credentials"],
      allowedOauthScopes: ["api/telemetry.read", "api/telemetry.write"],
      accessTokenValidity: 60,
      tokenValidityUnits: { accessToken: "minutes" },
    });
    expect(resources.get("aws:cognito/resourceServer:ResourceServer")).to.deep.include({
      identifier: "api",
      scopes: [
        { scopeName: "telemetry.read", scopeDescription: "Read readings" },
        { scopeName: "telemetry.write", scopeDescription: "Send readings" },
      ],
    });
  });

  it("gives what an API and its callers need, the secret as a secret", async () => {
    record();
    const identity = new Identity("identity", { scopes: SCOPES });

    expect(await valueOf(identity.issuer)).to.equal(`https://cognito-idp.us-east-1.amazonaws.com/${POOL_ID}`);
    expect(await valueOf(identity.audience)).to.equal("identity-client-id");
    expect(await valueOf(identity.tokenEndpoint)).to.match(
      /^https:\/\/project-dev-[0-9a-f]{8}\.auth\.us-east-1\.amazoncognito\.com\/oauth2\/token$/,
    );
    expect(await valueOf(identity.scopeName("telemetry.read"))).to.equal("api/telemetry.read");
    expect(await valueOf(identity.clientSecret)).to.equal("s3cret");
    expect(await pulumi.isSecret(identity.clientSecret as pulumi.Output<string>)).to.equal(true);
  });

  it("creates nothing for an issuer of the user's own and uses scopes as they are", async () => {
    const resources = record();
    const external = { issuer: "https://login.example/", audience: "https://api.example" };
    const identity = new Identity("identity", { scopes: SCOPES, external });

    expect(await valueOf(identity.issuer)).to.equal("https://login.example/");
    expect(await valueOf(identity.audience)).to.equal("https://api.example");
    expect(await valueOf(identity.scopeName("telemetry.read"))).to.equal("telemetry.read");
    expect(identity.tokenEndpoint).to.equal(undefined);
    await pulumi.runtime.disconnect();
    expect(resources.size).to.equal(0);
  });

  it("refuses what Cognito would not take, naming the cure", () => {
    record();
    const make = (args: Partial<IdentityArgs>) => () => new Identity("identity", { scopes: SCOPES, ...args });

    expect(make({ scopes: {} })).to.throw("it has 0 scopes");
    expect(make({ scopes: { "a/b": "x" } })).to.throw('scope "a/b" is not valid');
    expect(make({ tokenMinutes: 1 })).to.throw("tokenMinutes is 1");
    expect(make({ domainPrefix: "my-aws-pool" })).to.throw("Set domainPrefix");
    expect(make({ external: { issuer: "nothing", audience: "x" } })).to.throw("is no URL");
    expect(make({ scope: {} } as never)).to.throw('unknown argument "scope"');
    expect(() => new Identity("identity", { scopes: SCOPES }).scopeName("other")).to.throw(
      'scope "other" is not declared. Declared: telemetry.read, telemetry.write',
    );
  });

  it("refuses a project name that cannot be part of the domain", () => {
    record("amazon-things");

    expect(() => new Identity("identity", { scopes: SCOPES })).to.throw('"amazon-things-dev" cannot be');
  });
});

// Not proven here: tokens themselves; tests/sources/identity.test.ts issues and verifies them.
