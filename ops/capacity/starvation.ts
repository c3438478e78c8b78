/**
 * Who could take the account's concurrency from whom. Functions without a reservation share what is left of it: one that
 * may take all of it starves the others. Pure.
 * https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
 */
import type { FunctionUse } from "../shared/workload.ts";
import type { Model } from "../shared/workload-model.ts";
import { reservationsOf, sourceOf } from "./function-source.ts";
import { QUOTAS } from "./quotas.ts";
import { NO_RETRY } from "./simulation/direct.ts";

export interface Reach {
  name: string;
  /** What a flood on its source could have in flight; infinite where nothing bounds it. */
  most: number;
  /** Why. */
  says: string;
  /** A bound that it shares with others: the throttle of an API. */
  shared: string | undefined;
  reserved: number | undefined;
  provisioned: number;
  /** Could it take all that is unreserved? */
  starves: boolean;
}

export interface Concurrency {
  account: number;
  reserved: number;
  unreserved: number;
  reaches: Reach[];
  /** One sentence each. */
  warnings: string[];
}

/** At a duration of so many milliseconds. */
const mostOf = (source: ReturnType<typeof sourceOf>["source"], durationMs: number): number => {
  if (source.kind === "polled") return source.pollers.maximum;
  const { gateway } = source;
  if (!gateway) return Number.POSITIVE_INFINITY;
  return Math.max(gateway.burst, (gateway.perSecond * durationMs) / 1_000);
};

/** @param functions how long they take, under some load */
export function concurrencyOf(model: Model, functions: readonly FunctionUse[], account: number): Concurrency {
  const { reserved, provisioned } = reservationsOf(model.view);
  const total = [...reserved.values()].reduce((sum, count) => sum + count, 0);
  const unreserved = account - total;
  const reaches = model.functions.map((lambda): Reach => {
    const { name } = lambda.node;
    const { source, says, shared, single } = sourceOf(model, lambda, NO_RETRY);
    const used = functions.find(({ urn }) => urn === lambda.node.urn);
    const own = reserved.get(name);
    const flood = single ? 1 : mostOf(source, used?.durationMs ?? 0);
    const most = Math.min(flood, own ?? Number.POSITIVE_INFINITY);
    return {
      name,
      most,
      says,
      shared,
      reserved: own,
      provisioned: provisioned.get(name) ?? 0,
      starves: own === undefined && most >= unreserved,
    };
  });
  return { account, reserved: total, unreserved, reaches, warnings: warningsOf(reaches, total, account) };
}

function warningsOf(reaches: readonly Reach[], total: number, account: number): string[] {
  const left = QUOTAS.lambdaUnreserved.value;
  const tooMany =
    total + left > account
      ? [
          `The functions reserve ${total} of the account's ${account}; AWS refuses to leave fewer than ${left} unreserved: reserve at most ${account - left} or raise the account's quota first.`,
        ]
      : [];
  const overWarm = reaches
    .filter(({ reserved, provisioned }) => reserved !== undefined && provisioned > reserved)
    .map(
      ({ name, reserved, provisioned }) =>
        `Function "${name}" keeps ${provisioned} environments warm and reserves ${reserved}: AWS refuses more than it reserves.`,
    );
  return [...tooMany, ...overWarm];
}
