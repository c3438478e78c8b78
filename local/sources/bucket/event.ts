/**
 * What a queue or function gets for an object that was written. Pure.
 * Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
 */
import type { WrittenObject } from "../../services/s3-sqs-sns.ts";

/** The operation that wrote -> the event's name. */
const EVENT_NAMES: Readonly<Record<string, string>> = {
  PutObject: "ObjectCreated:Put",
  PostObject: "ObjectCreated:Post",
  CopyObject: "ObjectCreated:Copy",
  CompleteMultipartUpload: "ObjectCreated:CompleteMultipartUpload",
};

/** What the object itself does not say. */
export interface EventPlace {
  region: string;
  /** Twelve digits. */
  account: string;
  configurationId: string;
  /** Milliseconds since the epoch. */
  now: number;
  sequencer: string;
  /** The two ids of the request that S3 answers with. */
  requestId: string;
  hostId: string;
}

export const eventNameOf = ({ operation }: WrittenObject): string =>
  EVENT_NAMES[operation] ?? "ObjectCreated:Put";

/** As forms are: a space is `+`, and `/` stays. */
export const encodeKey = (key: string): string =>
  new URLSearchParams([["", key]]).toString().slice(1).replaceAll("%2F", "/");

/** Later ones of a key are greater; all are of one length. */
export const sequencerOf = (now: number, count: number): string =>
  `00${now.toString(16).padStart(12, "0")}${(count % 2 ** 24).toString(16).padStart(6, "0")}`.toUpperCase();

export const toEvent = (object: WrittenObject, place: EventPlace) => ({
  Records: [
    {
      eventVersion: "2.5",
      eventSource: "aws:s3",
      awsRegion: place.region,
      eventTime: new Date(place.now).toISOString(),
      eventName: eventNameOf(object),
      userIdentity: { principalId: `AWS:${object.accessKeyId ?? place.account}` },
      requestParameters: { sourceIPAddress: "127.0.0.1" },
      responseElements: { "x-amz-request-id": place.requestId, "x-amz-id-2": place.hostId },
      s3: {
        s3SchemaVersion: "1.0",
        configurationId: place.configurationId,
        bucket: {
          name: object.bucket,
          ownerIdentity: { principalId: place.account },
          arn: `arn:aws:s3:::${object.bucket}`,
        },
        object: {
          key: encodeKey(object.key),
          size: object.size,
          eTag: object.eTag,
          ...(object.versionId === undefined ? {} : { versionId: object.versionId }),
          sequencer: place.sequencer,
        },
      },
    },
  ],
});

/** What S3 sends to a queue when a notification is configured. */
export const toTestEvent = (
  bucket: string,
  { now, requestId, hostId }: Pick<EventPlace, "now" | "requestId" | "hostId">,
) => ({
  Service: "Amazon S3",
  Event: "s3:TestEvent",
  Time: new Date(now).toISOString(),
  Bucket: bucket,
  RequestId: requestId,
  HostId: hostId,
});
