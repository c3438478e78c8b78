/** The words of an IoT rule's SQL. Pure. */

export interface Token {
  kind: "name" | "number" | "text" | "sign";
  /** As it is written; of a text what its quotes hold. */
  text: string;
}

const FORMS =
  /(?<space>\s+)|(?<number>-?\d+(?:\.\d+)?)|'(?<text>(?:[^']|'')*)'|(?<name>[A-Za-z_][A-Za-z0-9_]*)|(?<sign><>|<=|>=|[=<>(),.*])/y;

/** @throws Error naming the first character that belongs to no word. */
export function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  const forms = new RegExp(FORMS);
  while (forms.lastIndex < text.length) {
    const at = forms.lastIndex;
    const found = forms.exec(text)?.groups;
    if (found === undefined)
      throw new Error(
        `its SQL has ${JSON.stringify(text[at])} at character ${at + 1}, which is not served here.`,
      );
    const token = tokenOf(found);
    if (token) tokens.push(token);
  }
  return tokens;
}

function tokenOf({ space, number, text, name, sign }: Record<string, string | undefined>): Token | undefined {
  if (space !== undefined) return undefined;
  if (number !== undefined) return { kind: "number", text: number };
  if (text !== undefined) return { kind: "text", text: text.replaceAll("''", "'") };
  if (name !== undefined) return { kind: "name", text: name };
  return { kind: "sign", text: sign ?? "" };
}
