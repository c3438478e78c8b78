import { createHash } from "node:crypto";
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { Component, type ComponentArgs } from "./component.ts";
import { argumentError, requireRange } from "./internal/arguments.ts";
import { applyTransform, type Transform } from "./internal/transform.ts";

export interface IdentityArgs extends ComponentArgs {
  /**
   * The API's scopes with what each allows, e.g. `{ "telemetry.read": "Read readings" }`. 1-100, each 1-256
   * characters without blanks and slashes.
   */
  scopes: Record<string, string>;
  /**
   * Prefix that Cognito puts before each scope (`<identifier>/<scope>`); the component maps between them.
   * @default "api"
   */
  identifier?: string;
  /**
   * First part of the token endpoint's host; letters, digits and hyphens. Made unique by a suffix.
   * @default project and stack
   */
  domainPrefix?: string;
  /**
   * Minutes that a token is valid. 5-1,440.
   * @default 60
   */
  tokenMinutes?: number;
  /**
   * Whether the pool resists deletion until this is turned off.
   * @default false
   */
  deletionProtection?: boolean;
  /** An OIDC issuer of your own instead of a user pool: nothing is created, scopes are used as they are written. */
  external?: ExternalIssuer;
  /** The last word on each child resource. */
  transform?: {
    userPool?: Transform<aws.cognito.UserPoolArgs>;
    client?: Transform<aws.cognito.UserPoolClientArgs>;
  };
}

interface ExternalIssuer {
  /** Exactly as in the tokens' `iss`, with or without the last slash as they have it. */
  issuer: string;
  /** What the tokens have in `aud`, or in `client_id` where they have no `aud`. */
  audience: string;
}

const DEFAULTS = { identifier: "api", tokenMinutes: 60 } as const;

/** Cognito's limits: https://docs.aws.amazon.com/cognito/latest/developerguide/quotas.html */
const MAX_SCOPES = 100;
const SCOPE_NAME = /^[\x21\x23-\x2e\x30-\x5b\x5d-\x7e]{1,256}$/;
const MAX_DOMAIN_PREFIX = 54;
/** Words that Cognito refuses in a domain: https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-assign-domain-prefix.html */
const RESERVED_WORDS = ["aws", "amazon", "cognito"];

interface Pool {
  pool: aws.cognito.UserPool;
  client: aws.cognito.UserPoolClient;
  domain: aws.cognito.UserPoolDomain;
  resourceServer: aws.cognito.ResourceServer;
}

/**
 * Who may call the API: a Cognito user pool that issues tokens to machines (client credentials grant), so that a
 * deployed stack can be called at once; or an issuer of your own.
 *
 * Creates the pool, its domain, a resource server with the scopes, and one client with a secret. Cost driver: a
 * monthly price per client and a price per token; tokens are valid for an hour, so clients should keep them.
 *
 * ```ts
 * const identity = new Identity("identity", { scopes: { "telemetry.read": "Read readings" } });
 * const api = new HttpApi("api", { identity });
 * ```
 *
 * Failure path: none of its own; a wrong or missing token never reaches a function. Locally the pool is an OIDC issuer
 * on loopback with discovery, keys and token endpoint; tokens carry the same claims and issuer.
 * Source: https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-define-resource-servers.html
 */
export class Identity extends Component {
  /** What tokens have in `iss`. */
  readonly issuer: pulumi.Output<string>;
  /** What the API's authorizer expects in `aud`, or in `client_id` of Cognito's tokens. */
  readonly audience: pulumi.Output<string>;
  /** Where a client gets a token; undefined with an external issuer. */
  readonly tokenEndpoint: pulumi.Output<string> | undefined;
  /** The client's id; undefined with an external issuer. */
  readonly clientId: pulumi.Output<string> | undefined;
  /** The client's secret, a secret to Pulumi too; undefined with an external issuer. */
  readonly clientSecret: pulumi.Output<string> | undefined;
  private readonly scopes: string[];
  private readonly resourceServer: aws.cognito.ResourceServer | undefined;

  constructor(name: string, args: IdentityArgs, opts?: pulumi.ComponentResourceOptions) {
    super("Identity", name, args, opts);
    this.validate(args);
    this.scopes = Object.keys(args.scopes);
    const own = args.external ? undefined : this.createPool(args);
    this.resourceServer = own?.resourceServer;
    this.issuer = own
      ? pulumi.interpolate`https://${own.pool.endpoint}`
      : pulumi.output(args.external?.issuer ?? "");
    this.audience = own ? own.client.id : pulumi.output(args.external?.audience ?? "");
    this.tokenEndpoint = own && tokenEndpointOf(own);
    this.clientId = own?.client.id;
    this.clientSecret = own && pulumi.secret(own.client.clientSecret);
    this.registerOutputs({ issuer: this.issuer, audience: this.audience, tokenEndpoint: this.tokenEndpoint });
  }

  /**
   * The scope as tokens carry it: `telemetry.read` is `api/telemetry.read` to Cognito.
   * @throws Error when the scope is not one of this identity's
   */
  scopeName(scope: string): pulumi.Output<string> {
    if (!this.scopes.includes(scope)) {
      throw argumentError(
        { noun: this.noun, name: this.componentName },
        `scope "${scope}" is not declared. Declared: ${this.scopes.join(", ")}.`,
      );
    }
    // The identifier comes from the resource server itself, so that whoever uses the scope waits for it.
    return this.resourceServer
      ? pulumi.interpolate`${this.resourceServer.identifier}/${scope}`
      : pulumi.output(scope);
  }

  private validate(args: IdentityArgs): void {
    const who = { noun: this.noun, name: this.componentName };
    this.refuseUnknown(args, {
      scopes: true,
      identifier: true,
      domainPrefix: true,
      tokenMinutes: true,
      deletionProtection: true,
      external: true,
      transform: true,
      tags: true,
    });
    requireRange(who, "tokenMinutes", args.tokenMinutes, { minimum: 5, maximum: 1_440, unit: "minutes" });
    const names = Object.keys(args.scopes);
    if (names.length === 0 || names.length > MAX_SCOPES) {
      throw argumentError(who, `it has ${names.length} scopes; declare 1 to ${MAX_SCOPES}.`);
    }
    const wrong = names.find((scope) => !SCOPE_NAME.test(scope));
    if (wrong !== undefined) {
      throw argumentError(
        who,
        `scope "${wrong}" is not valid. Use 1-256 characters without blanks, quotes and slashes.`,
      );
    }
    if (args.external && !URL.canParse(args.external.issuer)) {
      throw argumentError(
        who,
        `external.issuer "${args.external.issuer}" is no URL. Give the issuer's https address.`,
      );
    }
  }

  private createPool(args: IdentityArgs): Pool {
    const [poolArgs, opts] = applyTransform<aws.cognito.UserPoolArgs>(
      args.transform?.userPool,
      {
        adminCreateUserConfig: { allowAdminCreateUserOnly: true },
        deletionProtection: args.deletionProtection ? "ACTIVE" : "INACTIVE",
        tags: this.tags,
      },
      this.child(),
    );
    const pool = new aws.cognito.UserPool(`${this.componentName}-pool`, poolArgs, opts);
    const domain = new aws.cognito.UserPoolDomain(
      `${this.componentName}-domain`,
      { userPoolId: pool.id, domain: this.uniqueDomain(args, pool.id) },
      this.child(),
    );
    const resourceServer = this.createResourceServer(args, pool);
    return { pool, domain, resourceServer, client: this.createClient(args, pool, resourceServer) };
  }

  /** Domain prefixes are shared by everyone in a region: the pool's own random id tells ours apart. */
  private uniqueDomain(args: IdentityArgs, poolId: pulumi.Output<string>): pulumi.Output<string> {
    const prefix = (args.domainPrefix ?? `${pulumi.getProject()}-${pulumi.getStack()}`)
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, "-")
      .replace(/^-|-$/g, "");
    const reserved = RESERVED_WORDS.find((word) => prefix.includes(word));
    if (reserved || prefix === "" || prefix.length > MAX_DOMAIN_PREFIX) {
      throw argumentError(
        { noun: this.noun, name: this.componentName },
        `the domain prefix "${prefix}" cannot be: Cognito takes 1 to ${MAX_DOMAIN_PREFIX} letters, digits and hyphens, without ${RESERVED_WORDS.join(", ")}. Set domainPrefix.`,
      );
    }
    return poolId.apply((id) => `${prefix}-${createHash("sha256").update(id).digest("hex").slice(0, 8)}`);
  }

  private createResourceServer(args: IdentityArgs, pool: aws.cognito.UserPool): aws.cognito.ResourceServer {
    const scopes = Object.entries(args.scopes).map(([scopeName, scopeDescription]) => ({
      scopeName,
      scopeDescription,
    }));
    const identifier = args.identifier ?? DEFAULTS.identifier;
    return new aws.cognito.ResourceServer(
      `${this.componentName}-scopes`,
      { userPoolId: pool.id, identifier, scopes },
      this.child(),
    );
  }

  private createClient(
    args: IdentityArgs,
    pool: aws.cognito.UserPool,
    resourceServer: aws.cognito.ResourceServer,
  ): aws.cognito.UserPoolClient {
    const [clientArgs, opts] = applyTransform<aws.cognito.UserPoolClientArgs>(
      args.transform?.client,
      {
        userPoolId: pool.id,
        generateSecret: true,
        allowedOauthFlowsUserPoolClient: true,
        allowedOauthFlows: ["client_credentials"],
        allowedOauthScopes: Object.keys(args.scopes).map(
          (scope) => pulumi.interpolate`${resourceServer.identifier}/${scope}`,
        ),
        accessTokenValidity: args.tokenMinutes ?? DEFAULTS.tokenMinutes,
        tokenValidityUnits: { accessToken: "minutes" },
        enableTokenRevocation: true,
        preventUserExistenceErrors: "ENABLED",
      },
      this.child(),
    );
    return new aws.cognito.UserPoolClient(`${this.componentName}-client`, clientArgs, opts);
  }
}

/** A pool's id begins with its region. */
const tokenEndpointOf = ({ pool, domain }: Pool): pulumi.Output<string> => {
  const region = pool.id.apply((id) => id.split("_")[0] ?? "");
  return pulumi.interpolate`https://${domain.domain}.auth.${region}.amazoncognito.com/oauth2/token`;
};
