import { expect } from "chai";
import {
  CLIENT_OPTIONS,
  ROUTE_CLIENT_OPTIONS,
  ROUTE_HTTP2_CLIENT_OPTIONS,
} from "../../../functions/shared/clients.ts";

interface LikeClientOptions {
  maxAttempts: number;
  requestHandler: { requestTimeout: number };
}

/** Milliseconds until a call gives up when no attempt is ever answered, without the pauses between them. */
const longestCall = ({ maxAttempts, requestHandler }: LikeClientOptions): number =>
  maxAttempts * requestHandler.requestTimeout;

describe("functions/shared: clients", () => {
  it("give up well within the 10 s that a route has, so that the caller gets the route's own answer", () => {
    for (const options of [ROUTE_CLIENT_OPTIONS, ROUTE_HTTP2_CLIENT_OPTIONS]) {
      expect(longestCall(options)).to.be.at.most(8_000);
    }
  });

  it("give up well within the minute that a consumer of batches has, reading and writing", () => {
    expect(2 * longestCall(CLIENT_OPTIONS)).to.be.at.most(50_000);
  });
});
