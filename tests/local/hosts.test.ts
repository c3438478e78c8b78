import { expect } from "chai";
import { Hosts } from "../../local/hosts.ts";

describe("hosts", () => {
  it("resolve an AWS URL to loopback, keeping path and query, and leave others alone", () => {
    const hosts = new Hosts();
    hosts.add("abc.execute-api.us-east-1.amazonaws.com", "http://127.0.0.1:4567");
    expect(hosts.resolve("https://ABC.execute-api.us-east-1.amazonaws.com")).to.equal(
      "http://127.0.0.1:4567",
    );
    expect(hosts.resolve("https://abc.execute-api.us-east-1.amazonaws.com/devices?limit=1")).to.equal(
      "http://127.0.0.1:4567/devices?limit=1",
    );
    expect(hosts.resolve("https://example.com/")).to.equal("https://example.com/");
    expect(hosts.resolve("not a URL")).to.equal("not a URL");
    hosts.remove("abc.execute-api.us-east-1.amazonaws.com");
    expect(hosts.entries()).to.deep.equal([]);
  });

  it("tell several behind one host apart by their first path segment", () => {
    const hosts = new Hosts();
    hosts.add("cognito-idp.us-east-1.amazonaws.com", "http://127.0.0.1:1");
    hosts.add("cognito-idp.us-east-1.amazonaws.com/us-east-1_B", "http://127.0.0.1:2");
    expect(hosts.resolve("https://cognito-idp.us-east-1.amazonaws.com/us-east-1_A/x")).to.equal(
      "http://127.0.0.1:1/us-east-1_A/x",
    );
    expect(hosts.resolve("https://cognito-idp.us-east-1.amazonaws.com/us-east-1_B/x")).to.equal(
      "http://127.0.0.1:2/us-east-1_B/x",
    );
    expect(hosts.entries().map(([host]) => host)).to.include(
      "cognito-idp.us-east-1.amazonaws.com/us-east-1_B",
    );
  });
});
