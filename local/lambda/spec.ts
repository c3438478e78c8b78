/** What a function is, and the variables that its environments get from Lambda. */
import { delimiter, dirname } from "node:path";

export interface FunctionSpec {
  name: string;
  arn: string;
  /** `$LATEST` or a published version's number. */
  version: string;
  /** `file.export`. */
  handler: string;
  zipPath: string;
  /** The function's own variables. */
  environment: Record<string, string>;
  /** MB. */
  memorySize: number;
  timeoutMs: number;
  /** Most invocations at a time; 0 refuses all. @default shares what the account has left */
  reservedConcurrency?: number;
  /** Environments started before the first invocation. @default 0 */
  provisionedConcurrency?: number;
  /** ARN of the queue or topic that gets asynchronous events nobody could process. */
  deadLetterArn?: string;
  logGroup: string;
  /** @default "JSON" */
  logFormat?: "JSON" | "Text";
  /** Least level of `console.*` that is logged. @default "INFO" with JSON, everything with Text */
  logLevel?: string;
  region: string;
  /** Where the AWS services are. */
  endpointUrl: string;
  accessKeyId: string;
  secretAccessKey: string;
}

/** Where one environment lives. */
interface Place {
  codeDirectory: string;
  temporaryDirectory: string;
  workerPath: string;
  provisioned: boolean;
  runtimeApi: string;
  logStream: string;
}

/** As Lambda names an environment's log stream: `2026/01/31/[$LATEST]<id>`. */
export const logStreamName = ({ version }: FunctionSpec, id: string): string =>
  `${new Date().toISOString().slice(0, 10).replaceAll("-", "/")}/[${version}]${id}`;

/**
 * The variables that Lambda defines, which win over the function's own; nothing comes from the runtime's own
 * environment except where Windows needs it.
 * Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
 */
export const reservedVariables = (spec: FunctionSpec, place: Place): Record<string, string> => {
  return {
    _HANDLER: spec.handler,
    AWS_ACCESS_KEY_ID: spec.accessKeyId,
    AWS_DEFAULT_REGION: spec.region,
    AWS_ENDPOINT_URL: spec.endpointUrl,
    AWS_EXECUTION_ENV: "AWS_Lambda_nodejs24.x",
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(spec.memorySize),
    AWS_LAMBDA_FUNCTION_NAME: spec.name,
    AWS_LAMBDA_FUNCTION_VERSION: spec.version,
    AWS_LAMBDA_INITIALIZATION_TYPE: place.provisioned ? "provisioned-concurrency" : "on-demand",
    AWS_LAMBDA_LOG_FORMAT: spec.logFormat ?? "JSON",
    AWS_LAMBDA_LOG_GROUP_NAME: spec.logGroup,
    AWS_LAMBDA_LOG_LEVEL: spec.logLevel ?? (spec.logFormat === "Text" ? "TRACE" : "INFO"),
    AWS_LAMBDA_LOG_STREAM_NAME: place.logStream,
    AWS_LAMBDA_RUNTIME_API: place.runtimeApi,
    AWS_REGION: spec.region,
    AWS_SECRET_ACCESS_KEY: spec.secretAccessKey,
    AWS_SESSION_TOKEN: "local",
    AWS_XRAY_CONTEXT_MISSING: "LOG_ERROR",
    AWS_XRAY_DAEMON_ADDRESS: "127.0.0.1:2000",
    HOME: place.temporaryDirectory,
    LAMBDA_RUNTIME_DIR: dirname(place.workerPath),
    LAMBDA_TASK_ROOT: place.codeDirectory,
    LANG: "en_US.UTF-8",
    PATH: [dirname(process.execPath), "/usr/local/bin", "/usr/bin", "/bin"].join(delimiter),
    TMPDIR: place.temporaryDirectory,
    TZ: ":UTC",
    ...(process.platform === "win32" && {
      SystemRoot: process.env.SystemRoot ?? "C:\\Windows",
      TEMP: place.temporaryDirectory,
      TMP: place.temporaryDirectory,
      USERPROFILE: place.temporaryDirectory,
    }),
  };
};
