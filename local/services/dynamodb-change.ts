/**
 * What a stream tells of one change to a table. Pure.
 * Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_Record.html
 */
import type { Item } from "./dynalite.ts";
import type { Change } from "./dynalite-view.ts";

export const VIEWS = ["KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES"] as const;
export type ViewType = (typeof VIEWS)[number];

/** As GetRecords answers it. */
export interface StreamRecord {
  readonly eventID: string;
  readonly eventName: "INSERT" | "MODIFY" | "REMOVE";
  readonly eventVersion: "1.1";
  readonly eventSource: "aws:dynamodb";
  readonly awsRegion: string;
  readonly userIdentity?: { readonly PrincipalId: string; readonly Type: string };
  readonly dynamodb: {
    readonly ApproximateCreationDateTime: number;
    readonly Keys: Item;
    readonly NewImage?: Item;
    readonly OldImage?: Item;
    readonly SequenceNumber: string;
    readonly SizeBytes: number;
    readonly StreamViewType: ViewType;
  };
}

export const eventName = ({ before, after }: Change): StreamRecord["eventName"] => {
  if (!before) return "INSERT";
  return after ? "MODIFY" : "REMOVE";
};

export const imagesOf = (
  view: ViewType,
  { before, after }: Change,
): { NewImage?: Item; OldImage?: Item } => ({
  ...(after && view.startsWith("NEW_") ? { NewImage: after } : {}),
  ...(before && (view === "OLD_IMAGE" || view === "NEW_AND_OLD_IMAGES") ? { OldImage: before } : {}),
});
