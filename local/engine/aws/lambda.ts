/** Lambda's resource types. https://docs.aws.amazon.com/lambda/latest/dg/lambda-api-permissions-ref.html */
import { createHash } from "node:crypto";
import { plain } from "../graph.ts";
import {
  arn,
  type Blueprint,
  type BlueprintContext,
  CREATED,
  type Environment,
  hex,
  partitionOf,
  text,
  uuid,
} from "./blueprint.ts";
import { NAMES } from "./names.ts";

/** What API Gateway calls: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html */
const invokeArn = (environment: Environment, target: string): string =>
  `arn:${partitionOf(environment.region)}:apigateway:${environment.region}:lambda:path/2015-03-31/functions/${target}/invocations`;

const functionArn = (environment: Environment, functionName: string): string =>
  functionName.startsWith("arn:") ? functionName : arn(environment, "lambda", `function:${functionName}`);

/** A function's name from its name or any of its ARNs. */
const functionNameOf = (nameOrArn: string): string =>
  nameOrArn.startsWith("arn:") ? (nameOrArn.split(":")[6] ?? nameOrArn) : nameOrArn;

const createFunction = ({ name, inputs, environment }: BlueprintContext) => {
  const own = functionArn(environment, name);
  const version = inputs.publish === true ? "1" : "$LATEST";
  const code = createHash("sha256")
    .update(JSON.stringify(plain(inputs.code ?? null)))
    .digest("base64");
  return {
    id: name,
    outputs: {
      arn: own,
      invokeArn: invokeArn(environment, own),
      qualifiedArn: `${own}:${version}`,
      qualifiedInvokeArn: invokeArn(environment, `${own}:${version}`),
      responseStreamingInvokeArn: invokeArn(environment, own)
        .replace("2015-03-31", "2021-11-15")
        .replace(/invocations$/, "response-streaming-invocations"),
      version,
      lastModified: CREATED,
      sourceCodeHash: text(inputs, "sourceCodeHash") || code,
      codeSha256: code,
      sourceCodeSize: 0,
      signingJobArn: "",
      signingProfileVersionArn: "",
    },
  };
};

const createMapping = ({ urn, inputs, environment }: BlueprintContext) => {
  const id = uuid(urn);
  return {
    id,
    outputs: {
      uuid: id,
      arn: arn(environment, "lambda", `event-source-mapping:${id}`),
      functionArn: functionArn(environment, text(inputs, "functionName")),
      state: inputs.enabled === false ? "Disabled" : "Enabled",
      stateTransitionReason: "USER_INITIATED",
      lastModified: CREATED,
      lastProcessingResult: "No records processed",
    },
  };
};

const createAlias = ({ name, inputs, environment }: BlueprintContext) => {
  const own = `${functionArn(environment, functionNameOf(text(inputs, "functionName")))}:${name}`;
  return { id: own, outputs: { arn: own, invokeArn: invokeArn(environment, own) } };
};

const qualified = (inputs: BlueprintContext["inputs"], separator: string): string =>
  [text(inputs, "functionName"), text(inputs, "qualifier")].filter(Boolean).join(separator);

export const LAMBDA: Record<string, Blueprint> = {
  "aws:lambda/function:Function": {
    naming: NAMES.function,
    defaults: {
      architectures: ["x86_64"],
      memorySize: 128,
      timeout: 3,
      packageType: "Zip",
      publish: false,
      reservedConcurrentExecutions: -1,
      ephemeralStorage: { size: 512 },
      tracingConfig: { mode: "PassThrough" },
      skipDestroy: false,
    },
    create: createFunction,
  },
  "aws:lambda/eventSourceMapping:EventSourceMapping": {
    defaults: { enabled: true, batchSize: 100 },
    create: createMapping,
  },
  "aws:lambda/permission:Permission": {
    naming: NAMES.statement,
    create: ({ name }) => ({ id: name, outputs: {} }),
  },
  "aws:lambda/alias:Alias": { naming: NAMES.alias, create: createAlias },
  "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": {
    defaults: { maximumRetryAttempts: 2 },
    create: ({ inputs }) => ({ id: qualified(inputs, ":"), outputs: {} }),
  },
  "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig": {
    create: ({ inputs }) => ({ id: qualified(inputs, ","), outputs: {} }),
  },
  "aws:lambda/layerVersion:LayerVersion": {
    create: ({ urn, inputs, environment }) => {
      const layerArn = arn(environment, "lambda", `layer:${text(inputs, "layerName")}`);
      const own = `${layerArn}:1`;
      return {
        id: own,
        outputs: {
          arn: own,
          layerArn,
          version: "1",
          createdDate: CREATED,
          codeSha256: hex(urn, 44),
          sourceCodeSize: 0,
          signingJobArn: "",
          signingProfileVersionArn: "",
        },
      };
    },
  },
};
