import { expect } from "chai";
import { changedLine, summary } from "../../local/summary.ts";

describe("the summary of a running system", () => {
  const lines = summary({
    stack: "dev",
    region: "us-east-1",
    endpoint: "http://127.0.0.1:4566",
    addresses: [{ label: "API", aws: "https://a.execute-api", local: "http://127.0.0.1:4568" }],
    functions: [{ name: "f", memorySize: 128, timeoutSeconds: 3, zipBytes: 2_048 }],
    declaredOnly: ["aws:sns/topic:Topic"],
    outputs: [["clientSecret", "[secret]"]],
    example: {
      apiUrl: "http://127.0.0.1:4568",
      tokenEndpoint: "http://127.0.0.1:4567/oauth2/token",
      clientId: "c",
      streamName: "s",
    },
    readyMs: 1_234,
  });

  it("names every endpoint, function and output, and what is declared only", () => {
    expect(lines[0]).to.equal('Stack "dev" runs on this machine (ready in 1.2 s). Ctrl-C stops it.');
    expect(lines).to.include("  API  http://127.0.0.1:4568  stands for https://a.execute-api");
    expect(lines).to.include("  f  2.0 KB  128 MB  3 s");
    expect(lines).to.include("  clientSecret  [secret]");
    expect(lines).to.include("Declared only: aws:sns/topic:Topic");
  });

  it("gives commands that a shell takes as they are", () => {
    const put = lines.find((line) => line.includes("aws kinesis")) ?? "";
    expect(put).to.match(
      /^ {2}echo '\{"deviceId":.*"at":"'\$\(date -u \+%FT%TZ\)'"\}' \| aws kinesis put-record --endpoint-url http:\/\/127/,
    );
  });
});

describe("what --watch says of a changed program", () => {
  const urn = (name: string): string => `urn:pulumi:dev::project::aws:s3/bucket:Bucket::${name}`;

  it("names what was made, made anew and removed", () => {
    expect(
      changedLine({ created: [urn("b"), urn("a")], replaced: [urn("c")], removed: [urn("d")] }),
    ).to.equal("Program changed: made a, b; made anew c; removed d.");
  });

  it("names six of many and tells how many more there are, and says when there is nothing", () => {
    const many = Array.from({ length: 8 }, (_, index) => urn(`r${index}`));
    expect(changedLine({ created: [], replaced: many, removed: [] })).to.equal(
      "Program changed: made anew r0, r1, r2, r3, r4, r5 and 2 more.",
    );
    expect(changedLine({ created: [], replaced: [], removed: [] })).to.equal(
      "Program taken over: nothing to change.",
    );
  });
});
