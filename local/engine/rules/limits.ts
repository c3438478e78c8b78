/** Figures that fit alone and not together, and names that cannot exist twice. */
import { type ResourceNode, UNKNOWN } from "../graph.ts";
import { physicalNameOf, uniqueNameOf } from "../outputs.ts";
import { provisionedOf } from "./releases.ts";
import {
  FUNCTION,
  INTEGRATION,
  label,
  MAPPING,
  mapOf,
  numberOf,
  type Problem,
  QUEUE,
  type View,
} from "./view.ts";

/** Bytes of JSON: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
const MAX_ENVIRONMENT_BYTES = 4096;
/** Seconds: an HTTP API gives up at 30, so a function must end before. */
const MAX_API_TIMEOUT = 29;
/** https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html */
const MAX_RESERVED = 900;

export const environmentFits = (view: View): Problem[] =>
  view.ofType(FUNCTION).flatMap((lambda) => {
    const variables = mapOf(mapOf(lambda.outputs.environment).variables);
    const bytes = Buffer.byteLength(JSON.stringify(variables));
    if (bytes <= MAX_ENVIRONMENT_BYTES) return [];
    const [largest = ["", ""]] = Object.entries(variables)
      .map(([key, value]) => [key, String(value)] as const)
      .sort(([, left], [, right]) => right.length - left.length);
    return [
      {
        urn: lambda.urn,
        rule: "environment-fits",
        message: `${label(lambda)} has ${bytes} bytes of environment variables, Lambda takes ${MAX_ENVIRONMENT_BYTES}; "${largest[0]}" alone has ${largest[1].length}.`,
        cure: "Put large values into a table, a bucket or Parameter Store, and pass their names.",
      },
    ];
  });

export const apiTimeoutFits = (view: View): Problem[] =>
  view.ofType(INTEGRATION).flatMap((integration) =>
    view.functions(integration, "integrationUri").flatMap((lambda) => {
      const timeout = numberOf(lambda, "timeout") ?? 0;
      if (timeout <= MAX_API_TIMEOUT) return [];
      return [
        {
          urn: lambda.urn,
          rule: "api-timeout-fits",
          message: `${label(lambda)} may run ${timeout} s behind ${label(integration)}, but an HTTP API answers 503 after 30 s.`,
          cure: `Set its timeout to at most ${MAX_API_TIMEOUT}, or hand long work to a queue.`,
        },
      ];
    }),
  );

/** AWS refuses the mapping: "Queue visibility timeout: 60 seconds is less than Function timeout: 180 seconds". */
export const visibilityFits = (view: View): Problem[] =>
  view.ofType(MAPPING).flatMap((mapping) =>
    view.origins(mapping, "eventSourceArn", QUEUE).flatMap((queue) =>
      view.functions(mapping, "functionName").flatMap((lambda) => {
        const visibility = numberOf(queue, "visibilityTimeoutSeconds");
        const timeout = numberOf(lambda, "timeout");
        if (visibility === undefined || timeout === undefined || visibility >= timeout) return [];
        return [
          {
            urn: mapping.urn,
            rule: "visibility-fits",
            message: `${label(queue)}: queue visibility timeout: ${visibility} seconds is less than function timeout: ${timeout} seconds ("${lambda.name}").`,
            cure: `Set visibilityTimeoutSeconds to at least ${timeout * 6}, six times the function's timeout.`,
          },
        ];
      }),
    ),
  );

/** What a function takes out of the account's pool: its reservation, or else its warm environments. */
const takenOf = (view: View, lambda: ResourceNode): number => {
  const reserved = numberOf(lambda, "reservedConcurrentExecutions") ?? -1;
  return reserved >= 0 ? reserved : provisionedOf(view, lambda);
};

export const reservationsFit = (view: View): Problem[] => {
  const reserving = view
    .ofType(FUNCTION)
    .map((lambda) => ({ lambda, reserved: takenOf(view, lambda) }))
    .filter(({ reserved }) => reserved > 0);
  const total = reserving.reduce((sum, { reserved }) => sum + reserved, 0);
  const last = reserving.at(-1)?.lambda;
  if (total <= MAX_RESERVED || !last) return [];
  return [
    {
      urn: last.urn,
      rule: "reservations-fit",
      message: `The functions reserve or provision ${total} concurrent executions; an account of 1,000 must keep 100 unreserved.`,
      cure: `Take at most ${MAX_RESERVED} in all, or raise the account's quota first.`,
    },
  ];
};

export const namesDiffer = (view: View): Problem[] => {
  const named = view.graph.resources
    .filter((node) => !node.external)
    .map((node) => ({ node, key: nameKey(node) }));
  const groups = Map.groupBy(named, ({ key }) => key);
  return [...groups].flatMap(([key, owners]) => {
    const [first, ...others] = owners.map(({ node }) => node);
    if (key === undefined || !first) return [];
    return others.map((node) => ({
      urn: node.urn,
      rule: "names-differ",
      message: `${label(node)} and ${label(first)} have the same name, "${physicalNameOf(node)}".`,
      cure: "Give one of them another name, or leave the names to Pulumi.",
    }));
  });
};

const nameKey = (node: ResourceNode): string | undefined => {
  const name = uniqueNameOf(node.type) && physicalNameOf(node);
  if (!name || name === UNKNOWN) return undefined;
  // IAM alone takes `Admin` and `admin` for the same name.
  const compared = node.type.startsWith("aws:iam/") ? name.toLowerCase() : name;
  return [node.type, String(node.outputs.region ?? ""), compared].join("|");
};
