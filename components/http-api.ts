import { fileURLToPath } from "node:url";
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { Static, TSchema, TUndefined, TUnsafe } from "typebox";
import { createAccessLogs } from "./access-logs.ts";
import { Component, type ComponentArgs } from "./component.ts";
import { whenComplete } from "./finaliser.ts";
import { Function, type FunctionSettings } from "./function.ts";
import { argumentError, type Culprit } from "./internal/arguments.ts";
import {
  ACCESS_LOG_FORMAT,
  type CorsArgs,
  checkCors,
  checkRoute,
  checkThrottle,
  corsConfiguration,
  DEFAULTS,
  declarationOf,
  documentWrap,
  functionArguments,
  integrationTimeout,
  routeWrap,
  sourcePath,
  type Throttle,
  throttleSettings,
} from "./internal/http-routes.ts";
import { checkLogRetention } from "./internal/log-retention.ts";
import { type ApiInfo, openApiDocument, type RouteDeclaration, type Schema } from "./internal/openapi.ts";
import { checkPreflight } from "./internal/preflight.ts";
import { parseRouteKey, type RouteKey, routeName, routeShape } from "./internal/routes.ts";
import { applyTransform, type Transform } from "./internal/transform.ts";
import type { RouteRequest } from "./runtime/request.ts";
import type { RouteResponse } from "./runtime/route.ts";
import { SERVER_ERRORS } from "./runtime/server-errors.ts";

/** Where tokens come from; `Identity` is one. */
export interface TokenIssuer {
  issuer: pulumi.Input<string>;
  audience: pulumi.Input<string>;
  /** The scope as the tokens carry it. */
  scopeName(scope: string): pulumi.Input<string>;
}

export interface HttpApiArgs extends ComponentArgs {
  /** Who issues the tokens; needed as soon as one route is not open. */
  identity?: TokenIssuer;
  /** Which web pages may call. @default none */
  cors?: CorsArgs;
  /**
   * Limit of each route that has none of its own; more is answered 429.
   * @default { rate: 500, burst: 250 }
   */
  throttle?: Throttle;
  /** Serves the OpenAPI 3.1 document of all routes at `GET /openapi.json`, without a token. @default not served */
  openApi?: ApiInfo;
  /**
   * Days that log lines are kept: access logs, and those of each route that does not say otherwise.
   * @default 14
   */
  logRetentionDays?: number;
  /** The last word on each child resource. */
  transform?: {
    api?: Transform<aws.apigatewayv2.ApiArgs>;
    stage?: Transform<aws.apigatewayv2.StageArgs>;
    accessLogs?: Transform<aws.cloudwatch.LogGroupArgs>;
  };
}

/** Parameters that no schema describes: text, as it came. */
type Unchecked = TUnsafe<Record<string, string>>;

/** The code of a route, with its request typed by the route's schemas. */
type HttpApiCallback<P extends TSchema, Q extends TSchema, B extends TSchema> = (
  request: RouteRequest<Static<P>, Static<Q>, Static<B>>,
) => Promise<RouteResponse>;

export interface RouteArgs<P extends TSchema, Q extends TSchema, B extends TSchema> extends FunctionSettings {
  /** The code, inline. Gets validated values; returns an answer, or a problem as data. */
  callback: HttpApiCallback<P, Q, B>;
  /**
   * TypeBox schemas of what the request holds. What does not match is answered 400 with every problem listed,
   * before the callback. A path with variables needs `path`; `body` makes a JSON body required.
   */
  request?: { path?: P; query?: Q; body?: B };
  /** Schemas of the answers by status, for the OpenAPI document. */
  responses?: Record<number, TSchema>;
  /** Scopes of which a token needs any one. 1-10. Left out only with `auth: "none"`. */
  scopes?: string[];
  /** `"none"` opens the route to everyone. @default a token with one of `scopes` */
  auth?: "none";
  /**
   * Longest run of one request, in seconds. 1-29: API Gateway gives up after 30.
   * @default 10
   */
  timeout?: number;
  /**
   * Days that log lines are kept.
   * @default the API's
   */
  logRetentionDays?: number;
  /** @default the API's throttle */
  throttle?: Throttle;
  /**
   * Largest body in bytes; a larger one is answered 413. 1-4,500,000.
   * @default 1,000,000
   */
  maxBody?: number;
  /** Seconds that a successful GET may be cached, 0-86,400; adds ETag and 304 answers. @default no caching headers */
  cacheSeconds?: number;
  /**
   * What becomes of `__proto__`, `constructor` and `prototype` keys in a body: `refuse` answers 400; `keep` hands
   * them over as plain data, for a callback that judges item by item.
   * @default "refuse"
   */
  unsafeKeys?: "refuse" | "keep";
  /** One line for the OpenAPI document and the console. */
  summary?: string;
  /** Replaces the part of the logical name that comes from the route key, where that is too long. */
  name?: string;
}

const moduleOf = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

interface DeclaredRoute {
  declaration: RouteDeclaration;
  throttle: Throttle | undefined;
  route: aws.apigatewayv2.Route;
}

/**
 * An HTTP API whose routes are inline callbacks.
 *
 * Creates the API, its `$default` stage with access logs, a JWT authorizer, and per route a function, an integration,
 * the route and the permission to invoke. Cost driver: requests, log lines, and detailed metrics per route.
 *
 * ```ts
 * const api = new HttpApi("api", { identity });
 * api.route("GET /devices/{deviceId}", {
 *   request: { path: Type.Object({ deviceId: Type.String({ minLength: 1 }) }) },
 *   scopes: ["telemetry.read"],
 *   callback: async ({ path }) => ({ body: { deviceId: path.deviceId } }),
 * });
 * ```
 *
 * Failure path: bad requests get an RFC 9457 problem (400, 413, 415) and never reach the callback; a callback that
 * throws is answered 500 without details and logged with its correlation id; a bad token is answered 401 or 403 by the
 * gateway. The stage, its route settings and the OpenAPI document are made when the program has declared its last
 * route. Locally the API answers on a loopback port of its own by the same rules; its URL keeps its AWS form.
 * Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api.html
 */
export class HttpApi extends Component {
  /** `https://<id>.execute-api.<region>.amazonaws.com`, without a slash at the end. */
  readonly url: pulumi.Output<string>;
  /** The API itself. */
  readonly api: aws.apigatewayv2.Api;
  /** Its access logs. */
  readonly accessLogs: aws.cloudwatch.LogGroup;
  private readonly args: HttpApiArgs;
  private readonly routes: DeclaredRoute[] = [];
  private authorizer: aws.apigatewayv2.Authorizer | undefined;
  private complete = false;

  constructor(name: string, args: HttpApiArgs, opts?: pulumi.ComponentResourceOptions) {
    super("HttpApi", name, args, opts);
    this.validate(args);
    this.args = args;
    this.api = this.createApi();
    this.accessLogs = createAccessLogs(this.api, {
      component: this,
      name,
      retentionInDays: args.logRetentionDays ?? DEFAULTS.logRetentionDays,
      tags: this.tags,
      transform: args.transform?.accessLogs,
    });
    this.url = this.api.apiEndpoint;
    whenComplete(`HttpApi/${name}`, () => this.finish());
    this.registerOutputs({ url: this.url });
  }

  /**
   * Adds a route and its function.
   *
   * @param routeKey method and path, e.g. `GET /devices/{deviceId}`, `ANY /{proxy+}`, or `$default`
   * @throws Error naming the route and the cure when AWS or the component would not take it
   */
  route<P extends TSchema = Unchecked, Q extends TSchema = Unchecked, B extends TSchema = TUndefined>(
    routeKey: string,
    args: RouteArgs<P, Q, B>,
  ): Function<RouteRequest<Static<P>, Static<Q>, Static<B>>, RouteResponse> {
    const key = this.acceptKey(routeKey);
    checkRoute(this.who(routeKey), key, args, this.args.identity !== undefined);
    const name = `${this.componentName}-${args.name ?? routeName(key)}`;
    const handler = new Function<RouteRequest<Static<P>, Static<Q>, Static<B>>, RouteResponse>(
      name,
      {
        ...functionArguments(args),
        deployment: args.deployment && { failures: SERVER_ERRORS, ...args.deployment },
        timeout: args.timeout ?? DEFAULTS.timeout,
        logRetentionDays: args.logRetentionDays ?? this.args.logRetentionDays,
        description: args.summary ?? args.description,
        callback: args.callback,
        wrap: routeWrap(moduleOf("./runtime/route.ts"), key, args),
        tags: this.tags,
      },
      { parent: this },
    );
    const declaration = declarationOf(key, name, args);
    const route = this.createRoute(declaration, handler, integrationTimeout(args.timeout));
    this.routes.push({ declaration, throttle: args.throttle, route });
    return handler;
  }

  /** What is declared so far, as an OpenAPI 3.1 document. */
  openApi(info: ApiInfo = this.args.openApi ?? { title: this.componentName, version: "1.0.0" }): Schema {
    const declarations = this.routes.map(({ declaration }) => declaration);
    return openApiDocument(info, declarations);
  }

  private who(routeKey?: string): Culprit {
    return routeKey === undefined
      ? { noun: this.noun, name: this.componentName }
      : { noun: `${this.noun} "${this.componentName}" route`, name: routeKey };
  }

  private validate(args: HttpApiArgs): void {
    this.refuseUnknown(args, {
      identity: true,
      cors: true,
      throttle: true,
      openApi: true,
      logRetentionDays: true,
      transform: true,
      tags: true,
    });
    checkLogRetention(this.who(), args.logRetentionDays);
    checkThrottle(this.who(), args.throttle);
    checkCors(this.who(), args.cors);
  }

  private acceptKey(routeKey: string): RouteKey {
    if (this.complete) {
      throw argumentError(
        this.who(),
        `route "${routeKey}" comes after the API was completed. Declare it earlier.`,
      );
    }
    const key = parseRouteKey(this.who(), routeKey);
    const twin = this.routes.find(({ declaration }) => routeShape(declaration.key) === routeShape(key));
    if (twin) {
      throw argumentError(
        this.who(routeKey),
        `"${twin.declaration.key.key}" is the same route. Remove one of them, or change its path.`,
      );
    }
    return key;
  }

  private createApi(): aws.apigatewayv2.Api {
    const [apiArgs, opts] = applyTransform<aws.apigatewayv2.ApiArgs>(
      this.args.transform?.api,
      {
        protocolType: "HTTP",
        description: `HTTP API ${this.componentName}`,
        corsConfiguration: this.args.cors && corsConfiguration(this.args.cors),
        tags: this.tags,
      },
      this.child(),
    );
    return new aws.apigatewayv2.Api(`${this.componentName}-api`, apiArgs, opts);
  }

  private jwtAuthorizer(identity: TokenIssuer): aws.apigatewayv2.Authorizer {
    this.authorizer ??= new aws.apigatewayv2.Authorizer(
      `${this.componentName}-authorizer`,
      {
        apiId: this.api.id,
        authorizerType: "JWT",
        identitySources: ["$request.header.Authorization"],
        jwtConfiguration: { issuer: identity.issuer, audiences: [identity.audience] },
      },
      this.child(),
    );
    return this.authorizer;
  }

  private createRoute<Event>(
    { key, name, scopes }: RouteDeclaration,
    handler: Function<Event, RouteResponse>,
    timeoutMilliseconds: number,
  ): aws.apigatewayv2.Route {
    const integration = new aws.apigatewayv2.Integration(
      `${name}-integration`,
      {
        apiId: this.api.id,
        integrationType: "AWS_PROXY",
        integrationUri: handler.invokeArn,
        payloadFormatVersion: "2.0",
        timeoutMilliseconds,
      },
      this.child(),
    );
    const permission = new aws.lambda.Permission(
      `${name}-permission`,
      {
        action: "lambda:InvokeFunction",
        function: handler.name,
        qualifier: handler.qualifier,
        principal: "apigateway.amazonaws.com",
        sourceArn: pulumi.interpolate`${this.api.executionArn}/$default/${sourcePath(key)}`,
      },
      this.child(),
    );
    return new aws.apigatewayv2.Route(
      `${name}-route`,
      {
        apiId: this.api.id,
        routeKey: key.key,
        target: pulumi.interpolate`integrations/${integration.id}`,
        ...this.authorization(scopes),
      },
      this.child({ dependsOn: [permission] }),
    );
  }

  private authorization(scopes: string[] | undefined): Partial<aws.apigatewayv2.RouteArgs> {
    const { identity } = this.args;
    if (scopes === undefined || identity === undefined) return { authorizationType: "NONE" };
    return {
      authorizationType: "JWT",
      authorizerId: this.jwtAuthorizer(identity).id,
      authorizationScopes: scopes.map((scope) => identity.scopeName(scope)),
    };
  }

  /** Runs after the program's last statement: now every route is known. */
  private finish(): void {
    if (this.args.openApi) this.createOpenApiRoute(this.args.openApi);
    this.complete = true;
    const declarations = this.routes.map(({ declaration }) => declaration);
    if (this.args.cors) checkPreflight(this.who(), declarations);
    this.createStage();
  }

  private createOpenApiRoute(info: ApiInfo): void {
    const key = this.acceptKey("GET /openapi.json");
    const name = `${this.componentName}-openapi`;
    const handler = new Function<RouteRequest, RouteResponse>(
      name,
      {
        description: "The API's OpenAPI document",
        timeout: DEFAULTS.timeout,
        logRetentionDays: this.args.logRetentionDays,
        // Never called: the document itself travels in the bundle and serveDocument answers with it.
        callback: async () => ({}),
        wrap: documentWrap(moduleOf("./runtime/document.ts"), key, this.openApi(info)),
        tags: this.tags,
      },
      { parent: this },
    );
    const declaration = { key, name, request: {}, responses: {} };
    const route = this.createRoute(declaration, handler, integrationTimeout());
    this.routes.push({ declaration, throttle: undefined, route });
  }

  private createStage(): void {
    const [stageArgs, opts] = applyTransform<aws.apigatewayv2.StageArgs>(
      this.args.transform?.stage,
      {
        apiId: this.api.id,
        name: "$default",
        autoDeploy: true,
        accessLogSettings: { destinationArn: this.accessLogs.arn, format: ACCESS_LOG_FORMAT },
        defaultRouteSettings: throttleSettings(this.args.throttle ?? DEFAULTS.throttle),
        routeSettings: this.routes.flatMap(({ declaration, throttle }) =>
          throttle ? [{ routeKey: declaration.key.key, ...throttleSettings(throttle) }] : [],
        ),
        tags: this.tags,
      },
      // A stage that names a route in its settings is refused while that route does not exist.
      this.child({ dependsOn: this.routes.map(({ route }) => route) }),
    );
    new aws.apigatewayv2.Stage(`${this.componentName}-stage`, stageArgs, opts);
  }
}
