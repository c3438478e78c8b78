import { expect } from "chai";
import { VirtualClock } from "../../../local/kit/clock.ts";
import { type BusEvent, EventBridge } from "../../../local/services/event-bridge.ts";
import { ServiceError } from "../../../local/services/faults.ts";
import { documented, shape } from "../../helpers/events.ts";

const entry = (changes: object = {}) => ({
  EventBusName: "orders",
  Source: "shop",
  DetailType: "OrderPlaced",
  Detail: '{"orderId":"1"}',
  ...changes,
});

interface Answer {
  FailedEntryCount: number;
  Entries: { EventId?: string; ErrorCode?: string; ErrorMessage?: string }[];
}

function bed() {
  const events = new EventBridge({ region: "eu-west-1", account: "000000000000", clock: new VirtualClock() });
  const seen: BusEvent[] = [];
  events.createBus("orders");
  events.onEvent("orders", (event) => seen.push(event));
  const put = (...entries: unknown[]): Answer => events.handle("PutEvents", { Entries: entries }) as Answer;
  return { events, seen, put };
}

describe("the local EventBridge", () => {
  it("hands an event on in the shape that AWS documents", () => {
    const { seen, put } = bed();
    const { Entries, FailedEntryCount } = put(entry({ Resources: ["arn:aws:s3:::b"] }));
    expect(FailedEntryCount).to.equal(0);
    // https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html
    const [event] = seen;
    const { detail: _, ...members } = documented("event-bridge").event;
    expect(Object.keys(event ?? {})).to.deep.equal([...Object.keys(members), "detail"]);
    expect(shape(event)).to.deep.include(shape(members));
    expect(event?.time).to.match(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    expect(event).to.deep.include({
      version: "0",
      id: Entries[0]?.EventId,
      source: "shop",
      account: "000000000000",
      region: "eu-west-1",
      resources: ["arn:aws:s3:::b"],
      detail: { orderId: "1" },
    });
  });

  it("takes the good entries of a call and says what is wrong with each other one", () => {
    const { seen, put } = bed();
    const { Entries, FailedEntryCount } = put(
      entry({ Source: undefined }),
      entry(),
      entry({ DetailType: "" }),
      entry({ Detail: "not json" }),
      entry({ Detail: "[1]" }),
      entry({ Source: "aws.s3" }),
      entry({ EventBusName: "nobody" }),
    );
    expect(FailedEntryCount).to.equal(6);
    expect(seen).to.have.length(1);
    expect(Entries.map(({ ErrorCode = "taken" }) => ErrorCode)).to.deep.equal([
      "InvalidArgument",
      "taken",
      "InvalidArgument",
      "MalformedDetail",
      "MalformedDetail",
      "NotAuthorizedForSourceException",
      "InvalidArgument",
    ]);
  });

  it("refuses a call with no entries, more than ten, or a megabyte of them", () => {
    const { put, seen } = bed();
    const large = entry({ Detail: JSON.stringify({ text: "x".repeat(600_000) }) });
    for (const entries of [[], Array.from({ length: 11 }, () => entry()), [large, large], ["text"]]) {
      expect(() => put(...entries)).to.throw(ServiceError);
    }
    expect(put(large).FailedEntryCount).to.equal(0);
    expect(seen).to.have.length(1);
  });

  it("asks for PutEvents on every bus that a call names, by name or ARN", () => {
    const { events } = bed();
    const arn = "arn:aws:events:eu-west-1:000000000000:event-bus/other";
    const Entries = [entry(), entry(), entry({ EventBusName: arn }), entry({ EventBusName: undefined })];
    expect(events.permissions("PutEvents", { Entries })).to.deep.equal([
      {
        action: "events:PutEvents",
        resources: ["orders", "other", "default"].map(
          (bus) => `arn:aws:events:eu-west-1:000000000000:event-bus/${bus}`,
        ),
      },
    ]);
  });

  it("serves nothing else", () => {
    expect(() => bed().events.handle("StartReplay", {}))
      .to.throw(ServiceError)
      .with.property("status", 501);
  });
});
