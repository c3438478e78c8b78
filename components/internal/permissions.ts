/**
 * Least privilege from the code: the commands that a function imports times the resources it captures.
 */

/** A policy statement, ready for an IAM policy document. */
export interface Statement {
  Effect: "Allow";
  Action: string[];
  Resource: string[];
}

/** A resource that the function captures. */
export interface GrantableResource {
  /** Pulumi type token, e.g. `aws:dynamodb/table:Table`. */
  type: string;
  /** Logical name, as the `access` argument and errors call it. */
  name: string;
  /** Its ARN, or any placeholder that the caller replaces later (an ARN is unknown in a preview). */
  arn: string;
  /** Whether a table has indexes, so that queries need them granted too. @default false */
  indexes?: boolean;
}

export interface PermissionRequest {
  /** What the bundle found. */
  commands: { command: string; client: string; importer: string }[];
  /** What the captured Outputs depend on. */
  resources: GrantableResource[];
  /** Narrows by hand: resource name -> commands it needs, e.g. `{ uploads: ["GetObjectCommand"] }`. */
  access?: Record<string, string[]>;
  /** Statements added by hand. */
  extra?: { actions: string[]; resources: string[] }[];
  /** The function's name, for errors. */
  functionName: string;
}

export interface PermissionResult {
  /** Sorted and merged: the same request gives the same text. */
  statements: Statement[];
  /** Why each action is there, e.g. `dynamodb:PutItem on readings: PutItemCommand in functions/aggregate/handler.ts`. */
  reasons: string[];
}

export function derivePermissions(request: PermissionRequest): PermissionResult {
  throw new Error(`Function "${request.functionName}": the derivation is being built.`);
}
