/**
 * A queue's policy document. Pure.
 * Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-basic-examples-of-sqs-policies.html
 */

/** An AWS service that may send to a queue, on behalf of one of its resources. */
export interface SenderGrant {
  /** E.g. `events.amazonaws.com`. */
  service: string;
  /** ARN of the rule, bucket, topic, ... that sends. */
  sourceArn: string;
  /** Name of the statement. */
  sid: string;
}

const accountOf = (arn: string): string => arn.split(":")[4] ?? "";

const tlsOnly = (queueArn: string) => ({
  Sid: "TlsOnly",
  Effect: "Deny",
  Principal: "*",
  Action: "sqs:*",
  Resource: queueArn,
  Condition: { Bool: { "aws:SecureTransport": "false" } },
});

/** A bucket's ARN names no account, and names of deleted buckets are taken again: then the account is asked for too. */
const senderStatement = (queueArn: string, { service, sourceArn, sid }: SenderGrant) => ({
  Sid: sid,
  Effect: "Allow",
  Principal: { Service: service },
  Action: "sqs:SendMessage",
  Resource: queueArn,
  Condition: {
    ArnLike: { "aws:SourceArn": sourceArn },
    ...(accountOf(sourceArn) === "" ? { StringEquals: { "aws:SourceAccount": accountOf(queueArn) } } : {}),
  },
});

/** TLS for everybody, and the services that may send. */
export const queuePolicy = (queueArn: string, grants: SenderGrant[]): object => ({
  Version: "2012-10-17",
  Statement: [tlsOnly(queueArn), ...grants.map((grant) => senderStatement(queueArn, grant))],
});
