/** How one AWS resource type gets its name and its outputs: pure data and functions of its inputs. */
import { createHash } from "node:crypto";
import type { PropertyMap, PropertyValue } from "../graph.ts";

/** The account and place that a program is evaluated for. */
export interface Environment {
  project: string;
  stack: string;
  /** Twelve digits. */
  account: string;
  region: string;
  /** A preview: whatever AWS would only say after creation stays unknown. */
  dryRun: boolean;
}

export interface BlueprintContext {
  urn: string;
  /** Physical name, empty for types that have none. */
  name: string;
  /** Inputs with secrets opened, defaults and physical name included. */
  inputs: PropertyMap;
  environment: Environment;
}

/** What a physical name may be. */
export interface NameRule {
  /** The input that holds the physical name. */
  property: string;
  /** Longest name AWS takes, in characters. */
  max: number;
  min?: number;
  /** What a name may look like, and how to say so. */
  pattern: RegExp;
  characters: string;
  /** Between logical name and hash; `-` unless the type takes no hyphen. */
  separator?: string;
  lowerCase?: boolean;
  /** Name ending that a FIFO queue or topic must have. */
  fifoSuffix?: boolean;
  /** True where the account and region may hold one of a name only. */
  unique?: boolean;
  /** True for types that Pulumi gives no name of its own: the program must. */
  required?: boolean;
}

export interface Blueprint {
  naming?: NameRule;
  /** Inputs that AWS fills in when the program leaves them out. */
  defaults?: PropertyMap;
  /** Outputs that are secret whatever the inputs are. */
  secrets?: string[];
  create(context: BlueprintContext): { id: string; outputs: PropertyMap };
}

/** An input as text; empty when it is missing or of another type. */
export const text = (inputs: PropertyMap, key: string): string => {
  const value: PropertyValue | undefined = inputs[key];
  return typeof value === "string" ? value : "";
};

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html */
export const partitionOf = (region: string): string => {
  if (region.startsWith("cn-")) return "aws-cn";
  return region.startsWith("us-gov-") ? "aws-us-gov" : "aws";
};

/** `amazonaws.com`, or what China's partition has instead. */
export const dnsSuffixOf = (region: string): string =>
  region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com";

/** `eu-central-1` -> `euc1`: https://docs.aws.amazon.com/ram/latest/userguide/working-with-az-ids.html */
export const shortRegion = (name: string): string => {
  const [area = "", ...rest] = name.split("-");
  const number = rest.at(-1) ?? "";
  const direction = rest
    .slice(0, -1)
    .map((word) => word.replace(/^(north|south)(east|west)$/, (_, first, second) => first[0] + second[0]))
    .map((word) => (word.length > 2 ? word[0] : word))
    .join("");
  return `${area}${direction}${number}`;
};

export const arn = (environment: Environment, service: string, resource: string): string =>
  `arn:${partitionOf(environment.region)}:${service}:${environment.region}:${environment.account}:${resource}`;

/** ARN of a service without regions (IAM). */
export const globalArn = (environment: Environment, service: string, resource: string): string =>
  `arn:${partitionOf(environment.region)}:${service}::${environment.account}:${resource}`;

const LOWER = "abcdefghijklmnopqrstuvwxyz0123456789";
const MIXED = `${LOWER}ABCDEFGHIJKLMNOPQRSTUVWXYZ`;

const pick = (seed: string, length: number, alphabet: string): string => {
  const bytes = createHash("sha512").update(seed).digest();
  return Array.from({ length }, (_, index) => alphabet[(bytes[index % 64] ?? 0) % alphabet.length]).join("");
};

/** An identifier such as AWS makes up, always the same for the same seed: at most 64 lower-case letters and digits. */
export const token = (seed: string, length: number): string => pick(seed, length, LOWER);

/** The same in mixed case. */
export const mixedToken = (seed: string, length: number): string => pick(seed, length, MIXED);

/** The same as hexadecimal digits. */
export const hex = (seed: string, length: number): string =>
  createHash("sha256").update(seed).digest("hex").slice(0, length);

/** The same as a UUID of version 4. */
export const uuid = (seed: string): string => {
  const digits = hex(seed, 32);
  return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-4${digits.slice(13, 16)}-8${digits.slice(17, 20)}-${digits.slice(20)}`;
};

/** When everything in a synthesised account was made: a constant, since outputs are a function of the program. */
export const CREATED = "2020-01-01T00:00:00Z";
