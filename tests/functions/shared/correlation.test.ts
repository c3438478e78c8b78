import { expect } from "chai";
import {
  asCorrelationId,
  CorrelationIds,
  correlating,
  correlationOf,
} from "../../../functions/shared/correlation.ts";
import { eachMessage } from "../../../functions/shared/messages.ts";
import { capturing } from "../fakes.ts";
import { queued } from "../orders.ts";

describe("functions/shared: correlation", () => {
  it("takes 1 to 128 printable characters, and nothing else, for an id", () => {
    const longest = "x".repeat(128);
    expect(["a", "order-7:retry.1", longest].map(asCorrelationId)).to.deep.equal([
      "a",
      "order-7:retry.1",
      longest,
    ]);
    for (const bad of ["", " ", "a b", "a\nb", "ü", `${longest}x`, 5, null, undefined, {}])
      expect(asCorrelationId(bad)).to.equal(undefined);
  });

  it("marks a failure with the id of what it is about, whatever was thrown", async () => {
    const failure = new TypeError("boom");
    const fail = (thrown: unknown) =>
      correlating("c-1", () => Promise.reject(thrown)).catch((error: unknown) => error);
    expect(await fail(failure)).to.equal(failure);
    expect(correlationOf(failure)).to.deep.equal({ correlationId: "c-1" });
    expect(correlationOf(await fail("a text"))).to.deep.equal({ correlationId: "c-1" });
    expect(correlationOf(new Error("of nobody"))).to.deep.equal({});
    expect(correlationOf({ correlationId: "not an\nid" })).to.deep.equal({});
  });

  it("names up to ten ids of a batch, each once, and counts what has one", () => {
    const ids = new CorrelationIds();
    expect(ids.fields()).to.deep.equal({});
    for (let index = 0; index < 1_000; index++) ids.add(`c-${Math.floor(index / 10)}`);
    ids.add(undefined);
    expect(ids.fields()).to.deep.equal({
      correlationIds: Array.from({ length: 10 }, (_, index) => `c-${index}`),
      correlatedItems: 1_000,
    });
  });

  it("is in the line about a message that failed", async () => {
    const { lines, logger } = capturing();
    const handle = () => correlating("c-1", () => Promise.reject(new Error("boom")));
    await eachMessage(queued(["{}"]), handle, { logger });
    expect(lines).to.have.length(1);
    expect(lines[0]).to.include({ message: "message failed", messageId: "message-0", correlationId: "c-1" });
  });
});
