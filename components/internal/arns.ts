/** What is read out of the ways that AWS has of naming a thing. */

/** A function's name in what a mapping may call it by: name, ARN, either with a version or alias. */
export const functionNameOf = (reference: string): string =>
  /(?:^|:function:)([^:]+)(?::[^:]+)?$/.exec(reference)?.[1] ?? reference;

/** `arn:aws:logs:<region>:<account>:log-group:<name>` -> `<name>`. */
export const logGroupNameOf = (arn: string): string => /:log-group:([^:]+)/.exec(arn)?.[1] ?? arn;
