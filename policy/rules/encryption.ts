/** Data at rest is encrypted. */
import {
  checkov,
  isGiven,
  mayBe,
  type PolicyResource,
  type PolicyStack,
  type Rule,
  read,
  readList,
} from "../model.ts";

export const BUCKET = "aws:s3/bucket:Bucket";

/** Whether another resource of this type is about the bucket. */
export const settingsOf = (
  bucket: PolicyResource,
  stack: PolicyStack,
  type: string,
): readonly PolicyResource[] => stack.users(bucket, type, "bucket");

export const streamEncrypted: Rule = {
  id: "stream-encrypted",
  title: "A stream encrypts its records",
  reason: "Records lie in the stream for a day and more, readable to whoever reaches the storage.",
  cure: 'Set encryptionType to "KMS" and kmsKeyId to "alias/aws/kinesis" or a key of your own.',
  level: "mandatory",
  counterparts: [checkov("CKV_AWS_43")],
  types: ["aws:kinesis/stream:Stream"],
  check: (stream) =>
    mayBe(read(stream, "encryptionType"), "KMS") ? undefined : "keeps its records unencrypted",
};

export const queueEncrypted: Rule = {
  id: "queue-encrypted",
  title: "A queue encrypts its messages",
  reason: "Messages wait for up to 14 days, dead letters longest, and hold what the events held.",
  cure: "Set sqsManagedSseEnabled to true, or kmsMasterKeyId to a key.",
  level: "mandatory",
  counterparts: [checkov("CKV_AWS_27")],
  types: ["aws:sqs/queue:Queue"],
  check: (queue) =>
    mayBe(read(queue, "sqsManagedSseEnabled"), true) || isGiven(read(queue, "kmsMasterKeyId"))
      ? undefined
      : "keeps its messages unencrypted",
};

export const topicEncrypted: Rule = {
  id: "topic-encrypted",
  title: "A topic encrypts its messages",
  reason:
    "Messages are stored while they are delivered. Advisory: alarms can publish to an encrypted topic only with a key of your own, which costs money.",
  cure: "Set kmsMasterKeyId to a key that its publishers may use.",
  level: "advisory",
  counterparts: [checkov("CKV_AWS_26")],
  types: ["aws:sns/topic:Topic"],
  check: (topic) => (isGiven(read(topic, "kmsMasterKeyId")) ? undefined : "keeps its messages unencrypted"),
};

export const tableEncrypted: Rule = {
  id: "table-encrypted",
  title: "A table is encrypted with a key that the account can see",
  reason: "DynamoDB's own default key leaves no trace of use in CloudTrail and cannot be withdrawn.",
  cure: "Set serverSideEncryption.enabled to true.",
  level: "mandatory",
  counterparts: [checkov("CKV_AWS_119")],
  types: ["aws:dynamodb/table:Table"],
  check: (table) =>
    mayBe(read(table, "serverSideEncryption.enabled"), true)
      ? undefined
      : "is encrypted with DynamoDB's own key only",
};

export const bucketEncrypted: Rule = {
  id: "bucket-encrypted",
  title: "A bucket says how its objects are encrypted",
  reason: "Written down, it cannot be weakened in the console without showing as drift.",
  cure: "Add a BucketServerSideEncryptionConfiguration for it.",
  level: "mandatory",
  counterparts: [checkov("CKV_AWS_19")],
  types: [BUCKET],
  needsStack: true,
  check: (bucket, stack) =>
    settingsOf(
      bucket,
      stack,
      "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
    ).some(
      (settings) => readList(settings, "rules").length > 0 || typeof read(settings, "rules") === "symbol",
    )
      ? undefined
      : "has no encryption configuration",
};

export const queryResultsEncrypted: Rule = {
  id: "query-results-encrypted",
  title: "Athena's results are encrypted, whatever a client asks for",
  reason: "A query's results are copies of the data; a client could otherwise switch the encryption off.",
  cure: "Set enforceWorkgroupConfiguration and resultConfiguration.encryptionConfiguration.",
  level: "mandatory",
  counterparts: [checkov("CKV_AWS_82")],
  types: ["aws:athena/workgroup:Workgroup"],
  check: (workgroup) => {
    if (!mayBe(read(workgroup, "configuration.enforceWorkgroupConfiguration"), true))
      return "lets clients override its configuration";
    const option = "configuration.resultConfiguration.encryptionConfiguration.encryptionOption";
    return isGiven(read(workgroup, option)) ? undefined : "writes its results unencrypted";
  },
};
