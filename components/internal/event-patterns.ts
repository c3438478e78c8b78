/**
 * Event patterns of EventBridge rules: what their author may write, and how they reach AWS. Pure.
 * Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
 */

type Scalar = string | number | boolean | null;

/** One way in which a value may match. */
type Match =
  | Scalar
  | { prefix: string | { "equals-ignore-case": string } }
  | { suffix: string | { "equals-ignore-case": string } }
  | { "equals-ignore-case": string }
  | { wildcard: string }
  | { "anything-but": Scalar | (string | number)[] | { [operator: string]: string | string[] } }
  | { numeric: (string | number)[] }
  | { exists: boolean }
  | { cidr: string };

/** A pattern on an event's detail, as deep as the detail itself: a list of values matches when one of them does. */
type DetailPattern<Detail> = Detail extends readonly (infer Item)[]
  ? DetailPattern<Item>
  : Detail extends object
    ? { [Key in keyof Detail]?: DetailPattern<Detail[Key]> } & { $or?: DetailPattern<Detail>[] }
    : Match[];

/** Beside the detail type, which `on` and `forward` are given. */
export interface EventPattern<Detail> {
  /** Who sent it, e.g. `["orders"]`. @default anybody */
  source?: Match[];
  /** What it says. @default anything */
  detail?: DetailPattern<Detail>;
}

/** The rule's pattern as JSON. */
export const patternText = (detailType: string, pattern: EventPattern<unknown> = {}): string =>
  JSON.stringify({
    ...(pattern.source ? { source: pattern.source } : {}),
    "detail-type": [detailType],
    ...(pattern.detail ? { detail: pattern.detail } : {}),
  });

/** `OrderPlaced` -> `order-placed`; `EC2 State Change` -> `ec2-state-change`. */
export const slug = (detailType: string): string =>
  detailType
    .replace(/([a-z0-9])([A-Z])/g, "$1-$2")
    .replace(/[^A-Za-z0-9]+/g, "-")
    .replace(/^-|-$/g, "")
    .toLowerCase();
