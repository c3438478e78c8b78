/** Cuts a JSON array's text into its elements' own bytes, so that what is quarantined is what was sent. Pure. */

const QUOTE = 34;
const COMMA = 44;
const BACKSLASH = 92;

/** +1 for `[` and `{`, -1 for `]` and `}`. */
function nesting(code: number): number {
  if (code === 91 || code === 123) return 1;
  return code === 93 || code === 125 ? -1 : 0;
}

/** Index of the quote that ends the string which begins at `start`. */
function endOfString(text: string, start: number): number {
  let index = start + 1;
  while (index < text.length && text.charCodeAt(index) !== QUOTE) {
    index += text.charCodeAt(index) === BACKSLASH ? 2 : 1;
  }
  return index;
}

/** @param text valid JSON: an array. Without the white space around an element. */
export function elementTexts(text: string): string[] {
  const elements: string[] = [];
  const end = text.lastIndexOf("]");
  let start = text.indexOf("[") + 1;
  let depth = 0;
  for (let index = start; index < end; index++) {
    const code = text.charCodeAt(index);
    if (code === QUOTE) index = endOfString(text, index);
    else if (code === COMMA && depth === 0) {
      elements.push(text.slice(start, index).trim());
      start = index + 1;
    } else depth += nesting(code);
  }
  elements.push(text.slice(start, end).trim());
  return elements;
}
