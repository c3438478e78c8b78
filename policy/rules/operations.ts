/** What runs can be seen, and is bounded. */
import {
  aws,
  checkov,
  isGiven,
  mayBe,
  type Rule,
  read,
  readNumber,
  serverlessRules,
  UNKNOWN,
} from "../model.ts";

const FUNCTION = "aws:lambda/function:Function";
const STAGE = "aws:apigatewayv2/stage:Stage";

export const logsExpire: Rule = {
  id: "logs-expire",
  title: "A log group forgets",
  reason: "Logs are kept, and paid for, for ever otherwise.",
  cure: "Set retentionInDays.",
  level: "mandatory",
  counterparts: [serverlessRules("WS1004"), checkov("CKV_AWS_66")],
  types: ["aws:cloudwatch/logGroup:LogGroup"],
  check: (group) =>
    read(group, "retentionInDays") === UNKNOWN || (readNumber(group, "retentionInDays") ?? 0) > 0
      ? undefined
      : "keeps its lines for ever",
};

export const functionLogsOwned: Rule = {
  id: "function-logs-owned",
  title: "A function writes to a log group of the program",
  reason: "Lambda makes one itself otherwise: without retention, and left behind when the function goes.",
  cure: "Set loggingConfig.logGroup to a LogGroup of the program.",
  level: "mandatory",
  counterparts: [serverlessRules("WS1004")],
  types: [FUNCTION],
  check: (lambda) =>
    isGiven(read(lambda, "loggingConfig.logGroup")) ? undefined : "writes to a log group that Lambda makes",
};

export const functionTraced: Rule = {
  id: "function-traced",
  title: "A function is traced",
  reason: "Without a trace nobody sees where the time of a slow request went.",
  cure: 'Set tracingConfig.mode to "Active".',
  level: "mandatory",
  counterparts: [serverlessRules("WS1000"), checkov("CKV_AWS_50")],
  types: [FUNCTION],
  check: (lambda) => (mayBe(read(lambda, "tracingConfig.mode"), "Active") ? undefined : "is not traced"),
};

export const functionTimeoutChosen: Rule = {
  id: "function-timeout-chosen",
  title: "A function's timeout is chosen",
  reason: "Lambda's default of 3 s cuts off cold starts and retries inside the function.",
  cure: "Set timeout, 1-900 s.",
  level: "mandatory",
  counterparts: [serverlessRules("ES1006")],
  types: [FUNCTION],
  check: (lambda) => (isGiven(read(lambda, "timeout")) ? undefined : "has Lambda's default timeout of 3 s"),
};

export const functionMemoryChosen: Rule = {
  id: "function-memory-chosen",
  title: "A function's memory is chosen",
  reason: "Memory is also CPU: the default of 128 MB is a fourteenth of a core, and often dearer in the end.",
  cure: "Set memorySize, 128-10,240 MB.",
  level: "mandatory",
  counterparts: [serverlessRules("ES1005")],
  types: [FUNCTION],
  check: (lambda) =>
    isGiven(read(lambda, "memorySize")) ? undefined : "has Lambda's default memory of 128 MB",
};

export const apiThrottled: Rule = {
  id: "api-throttled",
  title: "An API's stage is throttled",
  reason: "The account's limit of 10,000 requests a second is otherwise one caller's to use up.",
  cure: "Set defaultRouteSettings.throttlingRateLimit and throttlingBurstLimit.",
  level: "mandatory",
  counterparts: [serverlessRules("ES2003")],
  types: [STAGE],
  check: (stage) => {
    const limits = ["throttlingRateLimit", "throttlingBurstLimit"].map(
      (limit) => `defaultRouteSettings.${limit}`,
    );
    const bounded = limits.every(
      (path) => read(stage, path) === UNKNOWN || (readNumber(stage, path) ?? 0) > 0,
    );
    return bounded || read(stage, "defaultRouteSettings") === UNKNOWN ? undefined : "has no throttle";
  },
};

export const apiLogged: Rule = {
  id: "api-logged",
  title: "An API's stage logs its requests as JSON",
  reason: "Requests that no function saw (401, 403, 429) appear nowhere else, and text cannot be queried.",
  cure: "Set accessLogSettings.destinationArn, and format to a JSON object of context variables.",
  level: "mandatory",
  counterparts: [serverlessRules("ES2000"), serverlessRules("WS2001"), checkov("CKV_AWS_95")],
  types: [STAGE],
  check: (stage) => {
    if (!isGiven(read(stage, "accessLogSettings.destinationArn"))) return "logs no requests";
    const format = read(stage, "accessLogSettings.format");
    return typeof format === "string" && !/^\s*\{/.test(format) ? "logs requests as plain text" : undefined;
  },
};

export const domainTls12: Rule = {
  id: "domain-tls-1-2",
  title: "An API's own domain speaks TLS 1.2 at least",
  reason: "Older versions can be broken by whoever listens.",
  cure: 'Set domainNameConfiguration.securityPolicy to "TLS_1_2".',
  level: "mandatory",
  counterparts: [
    checkov("CKV_AWS_206"),
    aws(
      "https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-custom-domain-tls-version.html",
    ),
  ],
  types: ["aws:apigatewayv2/domainName:DomainName"],
  check: (domain) => {
    const policy = read(domain, "domainNameConfiguration.securityPolicy");
    return policy === UNKNOWN || /^(?:TLS_1_[23]|SecurityPolicy_TLS1[23])/.test(String(policy))
      ? undefined
      : "accepts TLS older than 1.2";
  },
};
