/**
 * When a schedule of EventBridge Scheduler is due. Pure.
 * Source: https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
 *
 * `cron` and `at` are wall-clock times: croner counts them on a calendar without clock changes, and what it finds is
 * then looked up in the time zone. A local time that a change skips does not exist and is skipped; of one that comes
 * twice the first is taken, so it runs once.
 */
import { Cron } from "croner";

export interface ScheduleSettings {
  expression: string;
  /** IANA name. */
  timezone: string;
  /** Epoch milliseconds; undefined for when the schedule is made. */
  start: number | undefined;
  /** Epoch milliseconds; undefined for no end. */
  end: number | undefined;
}

/** The first time after `after` (epoch milliseconds) at which the schedule is due; undefined when there is none. */
export type NextTime = (after: number) => number | undefined;

/** The last number of each cron field, for `start/step`. */
const LAST = [59, 23, 31, 12, 7, 2_199];
const DAY_OF_WEEK = 4;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** A zone's offset is looked up a day before and a day after a local time. */
const DAY = 24 * HOUR;
/** Longer than any clock is put back at once. */
const LONGEST_REPEAT = 3 * HOUR;
/** Runs of the last hours, then a day that a zone skips, each minute of it. */
const MOST_LOOKS = 2_000;
const UNITS: Readonly<Record<string, number>> = { minute: MINUTE, hour: HOUR, day: DAY };

/**
 * @param made when the schedule came to be: a rate without a start date begins there, at once
 * @throws Error for an expression that AWS would refuse
 */
export const compileSchedule = (settings: ScheduleSettings, made: number): NextTime => {
  const { expression, start, end } = settings;
  const next = compileExpression(settings, start ?? made);
  if (next === undefined) throw new Error(`The schedule expression "${expression}" is not valid.`);
  const first = start ?? Number.NEGATIVE_INFINITY;
  return (after) => {
    const due = next(Math.max(after, first - 1));
    return due === undefined || (end !== undefined && due > end) ? undefined : due;
  };
};

const compileExpression = (
  { expression, timezone }: ScheduleSettings,
  from: number,
): NextTime | undefined => {
  const [, kind, body = ""] = /^(rate|cron|at)\((.+)\)$/.exec(expression) ?? [];
  if (kind === "rate") return everyOf(body, from);
  if (kind === "at") return onceAt(body, timezone);
  return kind === "cron" ? cronOf(body, timezone) : undefined;
};

const everyOf = (body: string, from: number): NextTime | undefined => {
  const [, count = "", unit = ""] = /^([1-9]\d*) (minute|hour|day)s?$/.exec(body) ?? [];
  const every = Number(count) * (UNITS[unit] ?? 0);
  if (every === 0) return undefined;
  return (after) => (after < from ? from : from + (Math.floor((after - from) / every) + 1) * every);
};

const onceAt = (body: string, timezone: string): NextTime | undefined => {
  const wall = Date.parse(`${body}Z`);
  if (Number.isNaN(wall)) return undefined;
  const due = zoneOf(timezone).instant(wall);
  return (after) => (due !== undefined && due > after ? due : undefined);
};

const cronOf = (body: string, timezone: string): NextTime => {
  const zone = zoneOf(timezone);
  const fields = body.split(" ").map((field, index) => {
    if (index === DAY_OF_WEEK && field === "L") return "7";
    return field.replace(/(^|,)(\d+)\//g, (_, before, first) => `${before}${first}-${LAST[index]}/`);
  });
  const cron = new Cron(`0 ${fields.join(" ")}`, {
    timezone: "UTC",
    alternativeWeekdays: true,
    domAndDow: true,
    mode: "7-part",
    paused: true,
  });
  return (after) => {
    // From before the local time of `after`, since a clock that was put back shows it again.
    let wall = zone.wall(after) - LONGEST_REPEAT;
    for (let looks = 0; looks < MOST_LOOKS; looks += 1) {
      const found = cron.nextRun(new Date(wall))?.getTime();
      if (found === undefined) return undefined;
      const due = zone.instant(found);
      if (due !== undefined && due > after) return due;
      wall = found;
    }
    return undefined;
  };
};

interface Zone {
  /** What its clocks show at an instant, as if it were UTC. */
  wall(instant: number): number;
  /** The first instant at which they show a local time; undefined when they never do. */
  instant(wall: number): number | undefined;
}

const zoneOf = (timeZone: string): Zone => {
  const format = new Intl.DateTimeFormat("en-GB", {
    timeZone,
    hourCycle: "h23",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  });
  const wall = (instant: number): number => {
    const parts = new Map(format.formatToParts(instant).map(({ type, value }) => [type, Number(value)]));
    const part = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? 0;
    const day = Date.UTC(part("year"), part("month") - 1, part("day"));
    return day + part("hour") * HOUR + part("minute") * MINUTE + part("second") * 1_000;
  };
  const instant = (local: number): number | undefined =>
    [local - DAY, local + DAY]
      .map((near) => local - (wall(near) - near))
      .sort((left, right) => left - right)
      .find((candidate) => wall(candidate) === local);
  return { wall, instant };
};
