/**
 * Instants as the platform reads and writes them: ISO-8601 in UTC, `YYYY-MM-DDTHH:mm:ss[.fraction]Z`.
 *
 * Written by hand because it runs once per reading: `Date.parse` is slower, takes other spellings, and turns
 * 30 February into 2 March.
 */

const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** What stands for a character that is no digit: so negative that every number made of it is out of range. */
const NO_DIGIT = -1_000_000;
const DAYS_IN_MONTH = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const MIN_LENGTH = "2026-01-31T12:00:00Z".length;
const MAX_LENGTH = MIN_LENGTH + ".123456789".length;
const DOT_INDEX = MIN_LENGTH - 1;

function digit(text: string, index: number): number {
  const value = text.charCodeAt(index) - 48;
  return value >= 0 && value <= 9 ? value : NO_DIGIT;
}

function twoDigits(text: string, index: number): number {
  return digit(text, index) * 10 + digit(text, index + 1);
}

function within(value: number, min: number, max: number): boolean {
  return value >= min && value <= max;
}

function isLeapYear(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

function daysInMonth(year: number, month: number): number {
  return month === 2 && isLeapYear(year) ? 29 : (DAYS_IN_MONTH[month - 1] ?? 0);
}

/**
 * Days from 1970-01-01 in the proleptic Gregorian calendar.
 * Source: https://howardhinnant.github.io/date_algorithms.html#days_from_civil
 */
function daysSinceEpoch(year: number, month: number, day: number): number {
  const shifted = month <= 2 ? year - 1 : year;
  const era = Math.floor(shifted / 400);
  const yearOfEra = shifted - era * 400;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

function hasSeparators(text: string): boolean {
  return (
    text.charCodeAt(4) === 45 &&
    text.charCodeAt(7) === 45 &&
    text.charCodeAt(10) === 84 &&
    text.charCodeAt(13) === 58 &&
    text.charCodeAt(16) === 58 &&
    text.charCodeAt(text.length - 1) === 90
  );
}

function dateToMs(text: string): number {
  const year = twoDigits(text, 0) * 100 + twoDigits(text, 2);
  const month = twoDigits(text, 5);
  const day = twoDigits(text, 8);
  const valid = year >= 0 && within(month, 1, 12) && within(day, 1, daysInMonth(year, month));
  return valid ? daysSinceEpoch(year, month, day) * DAY : Number.NaN;
}

function timeToMs(text: string): number {
  const hour = twoDigits(text, 11);
  const minute = twoDigits(text, 14);
  const second = twoDigits(text, 17);
  const valid = within(hour, 0, 23) && within(minute, 0, 59) && within(second, 0, 59);
  return valid ? hour * HOUR + minute * MINUTE + second * SECOND : Number.NaN;
}

/** Milliseconds of `.123456789` (what is finer is cut off); NaN when it is no fraction. */
function fractionToMs(text: string): number {
  if (text.length === MIN_LENGTH) return 0;
  const end = text.length - 1;
  if (text.charCodeAt(DOT_INDEX) !== 46 || end === DOT_INDEX + 1) return Number.NaN;
  let milliseconds = 0;
  let weight = 100;
  for (let index = DOT_INDEX + 1; index < end; index++) {
    const value = digit(text, index);
    if (value < 0) return Number.NaN;
    if (weight >= 1) milliseconds += value * weight;
    weight /= 10;
  }
  return milliseconds;
}

/**
 * Epoch milliseconds of an ISO-8601 UTC instant, or NaN when the text is not exactly one: the seconds and the
 * `Z` are required, 1 to 9 digits of fraction are allowed (cut to milliseconds), and the date must exist.
 */
export function parseInstant(text: string): number {
  if (text.length < MIN_LENGTH || text.length > MAX_LENGTH || !hasSeparators(text)) return Number.NaN;
  return dateToMs(text) + timeToMs(text) + fractionToMs(text);
}

/** The instant as text, to the millisecond. */
export function formatInstant(epochMs: number): string {
  return new Date(epochMs).toISOString();
}
