/** API Gateway's HTTP APIs. https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api.html */

import type { Environment } from "./blueprint.ts";
import { type Blueprint, type BlueprintContext, dnsSuffixOf, partitionOf, text, token } from "./blueprint.ts";
import { NAMES } from "./names.ts";

/** ARNs of API Gateway itself carry no account. */
const managementArn = (environment: Environment, path: string): string =>
  `arn:${partitionOf(environment.region)}:apigateway:${environment.region}::${path}`;

const executionArn = (environment: Environment, apiId: string): string =>
  `arn:${partitionOf(environment.region)}:execute-api:${environment.region}:${environment.account}:${apiId}`;

const host = (environment: Environment, apiId: string): string =>
  `${apiId}.execute-api.${environment.region}.${dnsSuffixOf(environment.region)}`;

const createApi = ({ urn, inputs, environment }: BlueprintContext) => {
  const id = token(urn, 10);
  const scheme = inputs.protocolType === "WEBSOCKET" ? "wss" : "https";
  return {
    id,
    outputs: {
      apiEndpoint: `${scheme}://${host(environment, id)}`,
      arn: managementArn(environment, `/apis/${id}`),
      executionArn: executionArn(environment, id),
    },
  };
};

const createStage = ({ name, inputs, environment }: BlueprintContext) => {
  const apiId = text(inputs, "apiId");
  const path = name === "$default" ? "" : name;
  return {
    id: name,
    outputs: {
      arn: managementArn(environment, `/apis/${apiId}/stages/${name}`),
      executionArn: `${executionArn(environment, apiId)}/${name}`,
      invokeUrl: `https://${host(environment, apiId)}/${path}`,
    },
  };
};

const identified =
  (length: number): Blueprint["create"] =>
  ({ urn }) => ({ id: token(urn, length), outputs: {} });

export const HTTP: Record<string, Blueprint> = {
  "aws:apigatewayv2/api:Api": {
    naming: NAMES.api,
    defaults: {
      apiKeySelectionExpression: "$request.header.x-api-key",
      routeSelectionExpression: "$request.method $request.path",
      ipAddressType: "ipv4",
      disableExecuteApiEndpoint: false,
    },
    create: createApi,
  },
  "aws:apigatewayv2/stage:Stage": {
    naming: NAMES.stage,
    defaults: { autoDeploy: false, deploymentId: "", clientCertificateId: "" },
    create: createStage,
  },
  "aws:apigatewayv2/route:Route": {
    defaults: { authorizationType: "NONE", apiKeyRequired: false },
    create: identified(7),
  },
  "aws:apigatewayv2/integration:Integration": {
    defaults: { connectionType: "INTERNET", payloadFormatVersion: "1.0", timeoutMilliseconds: 30_000 },
    create: ({ urn }) => ({ id: token(urn, 7), outputs: { integrationResponseSelectionExpression: "" } }),
  },
  "aws:apigatewayv2/authorizer:Authorizer": {
    naming: NAMES.authorizer,
    defaults: { authorizerResultTtlInSeconds: 0 },
    create: identified(6),
  },
  "aws:apigatewayv2/deployment:Deployment": {
    create: ({ urn }) => ({ id: token(urn, 6), outputs: { autoDeployed: false } }),
  },
};
