/** What the terminal shows once the system runs, and when its program has changed. Pure. */
import type { Changes } from "./deployment.ts";

interface SummaryFunction {
  name: string;
  memorySize: number;
  timeoutSeconds: number;
  zipBytes: number;
}

export interface SummaryInput {
  stack: string;
  region: string;
  /** The AWS endpoint. */
  endpoint: string;
  /** Addresses that stand for AWS hosts: label, AWS URL, loopback URL. */
  addresses: { label: string; aws: string; local: string }[];
  functions: SummaryFunction[];
  /** Resource types that are registered but have nothing behind them here. */
  declaredOnly: string[];
  /** Stack outputs, secrets redacted. */
  outputs: [string, string][];
  example: { apiUrl: string; tokenEndpoint: string; clientId: string; streamName: string } | undefined;
  readyMs: number;
}

const kilobytes = (bytes: number): string => `${(bytes / 1_024).toFixed(1)} KB`;

const pad = (rows: string[][]): string[] => {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? "").length)),
  );
  return rows.map(
    (row) =>
      `  ${row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd()}`,
  );
};

/** Lines for the console; the example can be pasted as it is. */
export function summary(input: SummaryInput): string[] {
  return [
    `Stack "${input.stack}" runs on this machine (ready in ${(input.readyMs / 1_000).toFixed(1)} s). Ctrl-C stops it.`,
    "",
    "Endpoints",
    ...pad([
      ["AWS", input.endpoint, `export AWS_ENDPOINT_URL=${input.endpoint}`],
      ...input.addresses.map(({ label, aws, local }) => [label, local, `stands for ${aws}`]),
    ]),
    "",
    "Functions",
    ...pad(
      input.functions.map(({ name, memorySize, timeoutSeconds, zipBytes }) => [
        name,
        kilobytes(zipBytes),
        `${memorySize} MB`,
        `${timeoutSeconds} s`,
      ]),
    ),
    "",
    "Outputs",
    ...pad(input.outputs.map(([key, value]) => [key, value])),
    ...(input.declaredOnly.length > 0 ? ["", `Declared only: ${input.declaredOnly.join(", ")}`] : []),
    ...(input.example ? ["", "Try it", ...example(input, input.example)] : []),
  ];
}

function example(
  input: SummaryInput,
  { apiUrl, tokenEndpoint, clientId, streamName }: NonNullable<SummaryInput["example"]>,
): string[] {
  const record = '{"deviceId":"d1","metric":"temperature","value":21.5,"at":"\'$(date -u +%FT%TZ)\'"}';
  return [
    `  export AWS_ENDPOINT_URL=${input.endpoint} AWS_REGION=${input.region} AWS_DEFAULT_REGION=${input.region} AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local`,
    `  echo '${record}' | aws kinesis put-record --endpoint-url ${input.endpoint} --stream-name ${streamName} --partition-key d1 --data fileb:///dev/stdin`,
    `  SECRET=$(node -p "require('./.cache/local/${input.stack}.json').outputs.clientSecret")`,
    `  TOKEN=$(curl -s ${tokenEndpoint} -u ${clientId}:$SECRET -d grant_type=client_credentials | node -p "JSON.parse(require('fs').readFileSync(0)).access_token")`,
    `  curl -s ${apiUrl}/devices -H "authorization: Bearer $TOKEN"`,
  ];
}

/** Names that a line lists; of more it tells how many. */
const MOST_NAMES = 6;

/** What `--watch` says of a program that has been taken over. */
export function changedLine({ created, replaced, removed }: Changes): string {
  const parts = [named("made", created), named("made anew", replaced), named("removed", removed)];
  const told = parts.filter((part) => part !== "");
  return told.length === 0
    ? "Program taken over: nothing to change."
    : `Program changed: ${told.join("; ")}.`;
}

function named(verb: string, urns: string[]): string {
  if (urns.length === 0) return "";
  const names = [...new Set(urns.map((urn) => urn.slice(urn.lastIndexOf("::") + 2)))].sort();
  const rest = names.length - MOST_NAMES;
  return `${verb} ${names.slice(0, MOST_NAMES).join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`;
}
