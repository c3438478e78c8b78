/** `[ip, user, ..., status_code = 4*, bytes]`: conditions on a space-delimited log event. Pure. */
import { compileExpression } from "./log-filter-expression.ts";
import { numberFrom, PatternError } from "./log-filter-values.ts";

const ELLIPSIS = /^(\.\.\.|…)$/;
const NAME = /^[\w$-]*/;

/** Cuts at commas outside quotes and regular expressions. */
const split = (text: string): string[] =>
  (text.match(/(?:"(?:[^"\\]|\\.)*"|%[^%]*%|[^,"%])+|(?<=,)(?=,|$)|^(?=,)/g) ?? []).map((part) =>
    part.trim(),
  );

/** One field of a pattern: its name, and the conditions on it. */
interface Field {
  name: string;
  test: (text: string) => boolean;
}

const fieldOf = (text: string): Field => {
  const [name = ""] = NAME.exec(text) ?? [];
  if (text.slice(name.length).trim() === "") return { name, test: () => true };
  const condition = compileExpression<string>(text, {
    select: (subject) => {
      if (subject !== name)
        throw new PatternError(
          `the conditions of the field "${name}" name "${subject}". Compare one field at a time.`,
        );
      return (field) => [field];
    },
    valueOf: (found) => ({ text: String(found), number: numberFrom(String(found)) }),
  });
  return { name, test: condition };
};

interface Part {
  text: string;
  /** Where it begins in the message. */
  start: number;
}

/** What is between brackets or double quotes is one field. */
const PART = /\[([^\]]*)\]|"((?:[^"\\]|\\.)*)"|(\S+)/g;

const partsOf = (message: string): Part[] =>
  [...message.matchAll(PART)].map((found) => ({
    text: found[1] ?? found[2] ?? found[3] ?? "",
    start: found.index,
  }));

/** The last field takes the rest of the line when the pattern names fewer than there are. */
const withRest = (message: string, parts: Part[], count: number): string[] => {
  const texts = parts.slice(0, count).map(({ text }) => text);
  const last = parts[count - 1];
  if (last && parts.length > count) texts[count - 1] = message.slice(last.start).trimEnd();
  return texts;
};

const passes = (fields: Field[], texts: string[]): boolean =>
  texts.length === fields.length && fields.every(({ test }, index) => test(texts[index] ?? ""));

/** @param text what is between the brackets. @throws PatternError */
export const compileFields = (text: string): ((message: string) => boolean) => {
  const written = split(text);
  const ellipsis = written.findIndex((part) => ELLIPSIS.test(part));
  if (written.filter((part) => ELLIPSIS.test(part)).length > 1)
    throw new PatternError("it holds several ellipses; AWS takes one.");
  if (ellipsis === -1) {
    const fields = written.map(fieldOf);
    return (message) => passes(fields, withRest(message, partsOf(message), fields.length));
  }
  const head = written.slice(0, ellipsis).map(fieldOf);
  const tail = written.slice(ellipsis + 1).map(fieldOf);
  return (message) => {
    const texts = partsOf(message).map((part) => part.text);
    if (texts.length < head.length + tail.length) return false;
    return passes(head, texts.slice(0, head.length)) && passes(tail, texts.slice(texts.length - tail.length));
  };
};
