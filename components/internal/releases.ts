/** How a function's traffic moves to a new version, and how much of it is kept warm: checks and figures. Pure. */
import { argumentError, type Culprit, type Keys, refuseUnknownKeys, requireRange } from "./arguments.ts";

/** Environments kept initialised, following the load. */
export interface AutoscaledConcurrency {
  /** Never fewer than these. 1-100,000. */
  minimum: number;
  /** Never more than these; at least `minimum`. */
  maximum: number;
  /**
   * Share of the warm environments in use that is aimed for: above it more are started. 0.1-0.9.
   * @default 0.7
   */
  utilization?: number;
}

export interface CanaryArgs {
  /** Percent of the traffic that the new version gets first. 1-99. */
  percent: number;
  /** Minutes that it is watched before it gets the rest. 1-2,880. */
  minutes: number;
  /**
   * Percent of its invocations that may fail in a minute; above it the traffic goes back. 0-100.
   * @default 1
   */
  errorPercent?: number;
}

/** The alias that triggers call once a function has one: its traffic can be moved, its environments kept warm. */
export const LIVE = "live";

export const RELEASE_DEFAULTS = { utilization: 0.7, errorPercent: 1 } as const;

/** A provisioned environment's load is counted per alias, so one of these needs one. */
export const checkProvisioned = (
  who: Culprit,
  provisioned: number | AutoscaledConcurrency | undefined,
  reserved: number | undefined,
): void => {
  if (provisioned === undefined) return;
  const { minimum, maximum, utilization } = autoscaled(provisioned);
  const [lower, upper] =
    typeof provisioned === "number"
      ? ["provisionedConcurrency", "provisionedConcurrency"]
      : ["provisionedConcurrency.minimum", "provisionedConcurrency.maximum"];
  if (typeof provisioned === "object") {
    const keys: Keys<AutoscaledConcurrency> = { minimum: true, maximum: true, utilization: true };
    refuseUnknownKeys(
      { noun: `${who.noun} "${who.name}"`, name: "provisionedConcurrency" },
      provisioned,
      keys,
    );
  }
  requireRange(who, lower, minimum ?? Number.NaN, { minimum: 1, maximum: 100_000, unit: "environments" });
  requireRange(who, upper, maximum ?? Number.NaN, { minimum, maximum: 100_000, unit: "environments" });
  requireRange(who, "provisionedConcurrency.utilization", utilization, {
    minimum: 0.1,
    maximum: 0.9,
    fractions: true,
  });
  if (reserved !== undefined && maximum > reserved) {
    throw argumentError(
      who,
      `${upper} is ${maximum}, above reservedConcurrentExecutions ${reserved}; AWS refuses that. Reserve at least ${maximum}, or provision at most ${reserved}.`,
    );
  }
};

/** A plain number is kept as it is; bounds are followed. */
export const autoscaled = (provisioned: number | AutoscaledConcurrency): AutoscaledConcurrency =>
  typeof provisioned === "number" ? { minimum: provisioned, maximum: provisioned } : provisioned;

/**
 * The longest a first step may take, minutes:
 * https://docs.aws.amazon.com/codedeploy/latest/userguide/limits.html
 */
const LONGEST_CANARY = 2_880;

export const checkCanary = (who: Culprit, canary: CanaryArgs | undefined): void => {
  if (canary === undefined) return;
  const keys: Keys<CanaryArgs> = { percent: true, minutes: true, errorPercent: true };
  refuseUnknownKeys({ noun: `${who.noun} "${who.name}"`, name: "deployment.canary" }, canary, keys);
  requireRange(who, "deployment.canary.percent", canary.percent ?? Number.NaN, {
    minimum: 1,
    maximum: 99,
    unit: "percent",
  });
  requireRange(who, "deployment.canary.minutes", canary.minutes ?? Number.NaN, {
    minimum: 1,
    maximum: LONGEST_CANARY,
    unit: "minutes",
  });
  requireRange(who, "deployment.canary.errorPercent", canary.errorPercent, {
    minimum: 0,
    maximum: 100,
    unit: "percent",
    fractions: true,
  });
};

/**
 * CodeDeploy's own configuration of the same steps, where it has one; any other is made for the function.
 * Source: https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-configurations.html
 */
export const standardCanary = ({ percent, minutes }: CanaryArgs): string | undefined =>
  percent === 10 && [5, 10, 15, 30].includes(minutes)
    ? `CodeDeployDefault.LambdaCanary10Percent${minutes}Minutes`
    : undefined;

/** What a part is of a whole in percent, as CloudWatch's metric math says it; nothing of nothing is 0. */
export const percentOf = (part: string, whole: string): string =>
  `IF(${whole} > 0, 100 * ${part} / ${whole}, 0)`;
