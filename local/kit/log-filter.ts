/**
 * Filter patterns of CloudWatch Logs: terms, JSON and space-delimited conditions, as subscription filters and searches
 * use them. Pure.
 * Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
 *
 * Unsettled: a greater-or-less comparison of JSON matches numbers only, not text that looks like one. Whatever is not
 * documented is refused.
 */
import { compileFields } from "./log-filter-fields.ts";
import { compileJson } from "./log-filter-json.ts";
import { compileRegex, PatternError } from "./log-filter-values.ts";

/** Whether a message passes. */
export type LogFilter = (message: string) => boolean;

/** Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutSubscriptionFilter.html */
const LONGEST_PATTERN = 1_024;
/** In a pattern on JSON or fields. */
const MOST_REGEXES = 2;

/** @throws Error naming the pattern, what is wrong with it and what to write instead */
export const compileLogFilter = (pattern: string): LogFilter => {
  try {
    return compile(pattern);
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    throw new Error(
      `The filter pattern ${JSON.stringify(pattern.slice(0, 200))} is not valid: ${error.message}`,
    );
  }
};

const compile = (pattern: string): LogFilter => {
  if (pattern.length > LONGEST_PATTERN)
    throw new PatternError(`it has ${pattern.length} characters; AWS takes ${LONGEST_PATTERN}.`);
  const text = pattern.trim();
  if (text.startsWith("{")) return conditions(text, "}", compileJson);
  if (text.startsWith("[")) return conditions(text, "]", compileFields);
  return compileTerms(text);
};

const conditions = (text: string, end: string, compileInner: (inner: string) => LogFilter): LogFilter => {
  if (!text.endsWith(end)) throw new PatternError(`it must end in ${end}.`);
  const regexes = (text.replace(/"(?:[^"\\]|\\.)*"/g, "").match(/%[^%]*%/g) ?? []).length;
  if (regexes > MOST_REGEXES)
    throw new PatternError(`it holds ${regexes} regular expressions; AWS takes ${MOST_REGEXES}.`);
  return compileInner(text.slice(1, -1).trim());
};

interface Term {
  kind: "include" | "exclude" | "optional";
  test: LogFilter;
}

/** `?` or `-`, then a quoted phrase, a regular expression, or a word. */
const TERM = /\s*([?-]?)(?:"((?:[^"\\]|\\.)*)"|%([^%]+)%|([^\s"%]+))/y;
const KINDS: Readonly<Record<string, Term["kind"]>> = { "": "include", "-": "exclude", "?": "optional" };

const testOf = (
  phrase: string | undefined,
  regex: string | undefined,
  word: string | undefined,
): LogFilter => {
  if (regex !== undefined) {
    const expression = compileRegex(regex);
    return (message) => expression.test(message);
  }
  if (word !== undefined && !/^\w+$/.test(word))
    throw new PatternError(
      `the term ${word} holds other characters than letters, digits and _. Put it in double quotes.`,
    );
  const wanted = word ?? (phrase ?? "").replace(/\\(["\\])/g, "$1");
  return wanted.trim() === "" ? () => true : (message) => message.includes(wanted);
};

const readTerms = (text: string): Term[] => {
  const terms: Term[] = [];
  const reader = new RegExp(TERM);
  while (reader.lastIndex < text.length) {
    const at = reader.lastIndex;
    const found = reader.exec(text);
    if (!found)
      throw new PatternError(`it cannot be read from ${JSON.stringify(text.slice(at, at + 20))} on.`);
    const [, mark = "", phrase, regex, word] = found;
    terms.push({ kind: KINDS[mark] ?? "include", test: testOf(phrase, regex, word) });
  }
  return terms;
};

/** Every term must be there and no excluded one; optional ones count only when there are no others. */
const compileTerms = (text: string): LogFilter => {
  const terms = readTerms(text);
  const tests = (kind: Term["kind"]) => terms.filter((term) => term.kind === kind).map(({ test }) => test);
  const [included, excluded, optional] = [tests("include"), tests("exclude"), tests("optional")];
  if (optional.length > 0 && included.length + excluded.length === 0)
    return (message) => optional.some((test) => test(message));
  return (message) => included.every((test) => test(message)) && !excluded.some((test) => test(message));
};
