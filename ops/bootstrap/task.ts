/** One thing that must be so in the account, and how it becomes so. */
export interface Task {
  /** What is done when it is not so: `create the bucket x`. */
  what: string;
  /** Looks only. False too while what it belongs to does not exist. */
  isDone(): Promise<boolean>;
  /** Does it; what it belongs to exists by then. */
  perform(): Promise<void>;
}

/** What the tasks learn on the way and later ones need. */
export interface Findings {
  /** Of the key, once it is there. */
  keyArn?: string;
}

/** Whether AWS answered that there is no such thing. */
const isAbsent = (error: unknown, ...names: readonly string[]): boolean => {
  if (!(error instanceof Error)) return false;
  const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
  return names.includes(error.name) || (status === 404 && names.includes("404"));
};

/** The answer, or nothing where there is no such thing. */
export const orAbsent = async <T>(asked: Promise<T>, ...names: readonly string[]): Promise<T | undefined> => {
  try {
    return await asked;
  } catch (error) {
    if (isAbsent(error, ...names)) return undefined;
    throw error;
  }
};

const canonical = (value: unknown): unknown => {
  if (Array.isArray(value)) {
    const items = value.map(canonical);
    // IAM takes a text for a list of one, and gives lists of texts in any order.
    if (items.length === 1) return items[0];
    return items.every((item) => typeof item === "string") ? items.sort() : items;
  }
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, canonical(inner)]));
};

/** Whether a policy that AWS has, as the text it gave, says what the wanted one says. */
export const saysTheSame = (text: string | undefined, wanted: object): boolean => {
  if (text === undefined) return false;
  try {
    const had: unknown = JSON.parse(text.startsWith("%") ? decodeURIComponent(text) : text);
    return JSON.stringify(canonical(had)) === JSON.stringify(canonical(wanted));
  } catch {
    return false;
  }
};
