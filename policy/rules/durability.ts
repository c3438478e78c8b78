/** What must not be lost survives mistakes, and travels encrypted. */
import { type Statement, statementsOf } from "../documents.ts";
import { aws, checkov, mayBe, type Rule, read, UNKNOWN } from "../model.ts";
import { BUCKET, settingsOf } from "./encryption.ts";

const TABLE = "aws:dynamodb/table:Table";

export const tableProtected: Rule = {
  id: "table-protected",
  title: "A production table cannot be deleted by mistake",
  reason: "A rename in the program, or a `destroy` in the wrong terminal, would delete it with its data.",
  cure: "Set protectData to true in the stack's settings (deletionProtectionEnabled).",
  level: "mandatory",
  counterparts: [
    aws(
      "https://docs.aws.amazon.com/config/latest/developerguide/dynamodb-table-deletion-protection-enabled.html",
    ),
  ],
  types: [TABLE],
  productionOnly: true,
  check: (table) =>
    mayBe(read(table, "deletionProtectionEnabled"), true) ? undefined : "can be deleted in one call",
};

export const tableRecoverable: Rule = {
  id: "table-recoverable",
  title: "A production table can be brought back to any second of the last 35 days",
  reason: "A faulty release overwrites items; deletion protection does not help there.",
  cure: "Set pointInTimeRecovery to true in the stack's settings.",
  level: "mandatory",
  counterparts: [checkov("CKV_AWS_28")],
  types: [TABLE],
  productionOnly: true,
  check: (table) =>
    mayBe(read(table, "pointInTimeRecovery.enabled"), true) ? undefined : "has no point-in-time recovery",
};

export const userPoolProtected: Rule = {
  id: "user-pool-protected",
  title: "A production user pool cannot be deleted by mistake",
  reason: "Every client would need a new id and secret.",
  cure: 'Set protectData to true in the stack\'s settings (deletionProtection "ACTIVE").',
  level: "mandatory",
  counterparts: [
    aws(
      "https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-deletion-protection.html",
    ),
  ],
  types: ["aws:cognito/userPool:UserPool"],
  productionOnly: true,
  check: (pool) =>
    mayBe(read(pool, "deletionProtection"), "ACTIVE") ? undefined : "can be deleted in one call",
};

export const bucketKept: Rule = {
  id: "bucket-kept",
  title: "A production bucket with objects in it is not deleted",
  reason: "Where forceDestroy is set, a destroy deletes every object and version before the bucket.",
  cure: "Leave forceDestroy out.",
  level: "mandatory",
  counterparts: [aws("https://docs.aws.amazon.com/AmazonS3/latest/userguide/delete-bucket.html")],
  types: [BUCKET],
  productionOnly: true,
  check: (bucket) => (read(bucket, "forceDestroy") === true ? "is emptied when it is destroyed" : undefined),
};

export const bucketVersioned: Rule = {
  id: "bucket-versioned",
  title: "A production bucket keeps what is overwritten",
  reason: "A faulty release overwrites objects; versions bring them back.",
  cure: 'Add a BucketVersioning with status "Enabled".',
  level: "mandatory",
  counterparts: [checkov("CKV_AWS_21")],
  types: [BUCKET],
  needsStack: true,
  productionOnly: true,
  check: (bucket, stack) =>
    settingsOf(bucket, stack, "aws:s3/bucketVersioning:BucketVersioning").some((settings) =>
      mayBe(read(settings, "versioningConfiguration.status"), "Enabled"),
    )
      ? undefined
      : "keeps no versions",
};

const deniesPlainHttp = ({ allows, principals, conditions }: Statement): boolean =>
  !allows && principals.includes("*") && String(conditions.Bool?.["aws:SecureTransport"]) === "false";

export const bucketTlsOnly: Rule = {
  id: "bucket-tls-only",
  title: "A bucket answers over TLS only",
  reason: "S3 also answers plain HTTP, where whoever listens reads the object and the signature.",
  cure: "Add a BucketPolicy that denies everything where aws:SecureTransport is false.",
  level: "mandatory",
  counterparts: [checkov("CKV_AWS_379")],
  types: [BUCKET],
  needsStack: true,
  check: (bucket, stack) =>
    settingsOf(bucket, stack, "aws:s3/bucketPolicy:BucketPolicy").some(
      (policy) => read(policy, "policy") === UNKNOWN || statementsOf(policy, "policy").some(deniesPlainHttp),
    )
      ? undefined
      : "answers plain HTTP",
};
