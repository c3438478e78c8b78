/** A type as Pulumi's console shows it: `aws:kinesis/stream:Stream` is `aws:kinesis:Stream`. */
export const shortType = (type: string): string => type.replace(/\/[^:]+:/, ":");
