/**
 * Whether a metric alarm is in ALARM, OK or INSUFFICIENT_DATA. Pure.
 *
 * Rules and tables: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
 *
 * Unsettled: how many periods beyond those evaluated are retrieved. AWS says that it depends; here it is two, as in all
 * of its examples. A lone breaching point that is too young to alarm leaves no data to go by, as an earlier edition of
 * the page has it: INSUFFICIENT_DATA, or the state as it was.
 */

export type AlarmState = "OK" | "ALARM" | "INSUFFICIENT_DATA";
export type MissingData = "missing" | "notBreaching" | "breaching" | "ignore";

/** What an alarm is about, as far as its points are judged. */
export interface AlarmRule {
  readonly comparison: Comparison;
  readonly threshold: number;
  /** N: points that are evaluated. */
  readonly evaluationPeriods: number;
  /** M: of them, so many must breach. */
  readonly datapointsToAlarm: number;
  readonly treatMissingData: MissingData;
}

const COMPARISONS = {
  GreaterThanOrEqualToThreshold: (value: number, threshold: number) => value >= threshold,
  GreaterThanThreshold: (value: number, threshold: number) => value > threshold,
  LessThanThreshold: (value: number, threshold: number) => value < threshold,
  LessThanOrEqualToThreshold: (value: number, threshold: number) => value <= threshold,
} as const;

export type Comparison = keyof typeof COMPARISONS;

export const isComparison = (text: string): text is Comparison => Object.hasOwn(COMPARISONS, text);

const EXTRA_PERIODS = 2;

/** How many points are retrieved: the newest `evaluationPeriods`, and older ones that may stand in for missing ones. */
export const pointsRetrieved = (evaluationPeriods: number): number => evaluationPeriods + EXTRA_PERIODS;

/** A point that was reported: how many periods ago it ended, from 1, and whether it breaches. */
interface Point {
  readonly age: number;
  readonly breaching: boolean;
}

const reported = ({ comparison, threshold }: AlarmRule, points: readonly (number | undefined)[]): Point[] =>
  points
    .map((value, index) => ({ value, age: points.length - index }))
    .flatMap(({ value, age }) =>
      value === undefined ? [] : [{ age, breaching: COMPARISONS[comparison](value, threshold) }],
    )
    .reverse();

/** No point at all was reported. */
const withoutData = (treat: MissingData, current: AlarmState): AlarmState => {
  if (treat === "breaching") return "ALARM";
  if (treat === "notBreaching") return "OK";
  return treat === "ignore" ? current : "INSUFFICIENT_DATA";
};

/**
 * Fewer points than needed, and none of them says ALARM by itself: all that breach count if they are old enough for
 * the rest to have been reported by now ("premature alarm state").
 */
const withGaps = (rule: AlarmRule, points: readonly Point[], current: AlarmState): AlarmState => {
  if (points.some(({ breaching }) => !breaching)) return "OK";
  if (rule.treatMissingData === "ignore") return current;
  const oldest = points.at(-1)?.age ?? 0;
  return oldest >= rule.datapointsToAlarm ? "ALARM" : "INSUFFICIENT_DATA";
};

/**
 * The state that the points call for.
 *
 * @param points the newest last; undefined where nothing was reported
 * @param current the state until now
 */
export const evaluateAlarm = (
  rule: AlarmRule,
  points: readonly (number | undefined)[],
  current: AlarmState,
): AlarmState => {
  const { evaluationPeriods, datapointsToAlarm, treatMissingData } = rule;
  const known = reported(rule, points);
  if (known.length === 0) return withoutData(treatMissingData, current);
  const judged = known.slice(0, evaluationPeriods);
  const filled = treatMissingData === "breaching" ? evaluationPeriods - judged.length : 0;
  const breaching = judged.filter((point) => point.breaching).length + filled;
  if (breaching >= datapointsToAlarm) return "ALARM";
  const isWhole = judged.length === evaluationPeriods;
  if (isWhole || treatMissingData === "breaching" || treatMissingData === "notBreaching") return "OK";
  return withGaps(rule, judged, current);
};

/**
 * Whether a percentile of so few samples says nothing: fewer than 10 / (1 - p), or below the median 10 / p.
 * Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/percentiles-with-low-samples.html
 * @param percentile in per cent
 */
export const isLowSample = (percentile: number, samples: number): boolean => {
  const share = percentile / 100;
  return samples < 10 / (share >= 0.5 ? 1 - share : share);
};
