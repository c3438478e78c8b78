/**
 * Schedule expressions: what EventBridge Scheduler would refuse, said before anything is deployed. Pure.
 * Source: https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
 */
import { Cron } from "croner";
import { argumentError, type Culprit } from "./arguments.ts";

const FIELDS = ["minutes", "hours", "day of month", "month", "day of week", "year"] as const;
/** Least and greatest number of each field: https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#cron-based */
const BOUNDS = {
  minutes: [0, 59],
  hours: [0, 23],
  "day of month": [1, 31],
  month: [1, 12],
  "day of week": [1, 7],
  year: [1970, 2199],
} as const;

/** Whether the runtime knows a time zone of the IANA database. */
export function isTimezone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** @throws {Error} naming the schedule, the expression and the cure */
export function checkScheduleExpression(who: Culprit, expression: string): void {
  const [, kind, body] = /^(rate|cron|at)\((.*)\)$/.exec(expression) ?? [];
  const fail = (why: string): never => {
    throw argumentError(who, `expression "${expression}" ${why}`);
  };
  if (kind === "rate") checkRate(body ?? "", fail);
  else if (kind === "cron") checkCron(body ?? "", fail);
  else if (kind === "at") checkAt(body ?? "", fail);
  else fail('is none of "rate(15 minutes)", "cron(0 3 * * ? *)" and "at(2026-12-31T23:59:00)".');
}

function checkRate(body: string, fail: (why: string) => never): void {
  const [, value = "", unit] = /^(0|[1-9]\d{0,8}) (minutes?|hours?|days?)$/.exec(body) ?? [];
  if (unit === undefined)
    fail('is no rate; write a whole number and minutes, hours or days: "rate(15 minutes)".');
  if (value === "0") fail('would never end; the least is "rate(1 minute)".');
}

function checkAt(body: string, fail: (why: string) => never): void {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/.test(body)) {
    fail('is no local time; write "at(2026-12-31T23:59:00)", without a zone: that is the timezone argument.');
  }
  const date = new Date(`${body}Z`);
  if (Number.isNaN(date.getTime()) || date.toISOString().slice(0, 19) !== body) {
    fail("names a day or an hour that no calendar has.");
  }
}

function checkCron(body: string, fail: (why: string) => never): void {
  const fields = body.split(" ");
  if (fields.length !== FIELDS.length) {
    fail(`has ${fields.length} fields; AWS wants six: ${FIELDS.join(", ")}, e.g. "cron(0 3 * * ? *)".`);
  }
  const [dayOfMonth, dayOfWeek] = [fields[2], fields[4]];
  if ((dayOfMonth === "?") === (dayOfWeek === "?")) {
    fail('must have "?" in exactly one of day of month and day of week.');
  }
  if (fields.some((field, index) => field === "?" && index !== 2 && index !== 4)) {
    fail('has "?" where only day of month and day of week may have it; write "*".');
  }
  fields.forEach((field, index) => {
    checkNumbers(field, FIELDS[index] ?? "minutes", fail);
  });
  const cron = parse(fields, fail);
  // A date that never comes, such as 31 February.
  if (cron.nextRun(new Date(0)) === null) fail("never comes: no calendar has such a day.");
}

/** The parser knows no last year, and calls Sunday 8 as well; a step (`/5`) and an occurrence (`#2`) are its own to judge. */
function checkNumbers(field: string, name: (typeof FIELDS)[number], fail: (why: string) => never): void {
  const [least, greatest] = BOUNDS[name];
  for (const [number] of field.matchAll(/(?<![/#\d])\d+/g)) {
    if (Number(number) < least || Number(number) > greatest)
      fail(`has ${number} as ${name}; AWS knows ${least}-${greatest}.`);
  }
}

function parse(fields: string[], fail: (why: string) => never): Cron {
  try {
    return new Cron(`0 ${fields.map(toCroner).join(" ")}`, {
      timezone: "UTC",
      alternativeWeekdays: true,
      domAndDow: true,
      mode: "7-part",
      paused: true,
    });
  } catch (error) {
    return fail(`is not valid: ${(error as Error).message.replace(/^CronPattern: /, "")}`);
  }
}

/** AWS's `5/15` is croner's `5-59/15`; a lone `L` as day of week is the last one. */
function toCroner(field: string, index: number): string {
  const name = FIELDS[index] ?? "minutes";
  if (name === "day of week" && field === "L") return "7";
  return field.replace(/(^|,)(\d+)\//g, (_, before, start) => `${before}${start}-${BOUNDS[name][1]}/`);
}
