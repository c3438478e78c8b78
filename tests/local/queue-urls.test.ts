import { expect } from "chai";
import { withLocalQueues } from "../../local/queue-urls.ts";

describe("queue URLs on this machine", () => {
  it("go to loopback, wherever they stand in a text; other addresses stay", () => {
    const endpoint = "http://127.0.0.1:4566";
    const url = "https://sqs.eu-west-1.amazonaws.com/000000000000/jobs";
    expect(withLocalQueues(`${url} ${url}.fifo`, endpoint)).to.equal(
      `${endpoint}/000000000000/jobs ${endpoint}/000000000000/jobs.fifo`,
    );
    expect(withLocalQueues("https://sqs.cn-north-1.amazonaws.com.cn/000000000000/q", endpoint)).to.equal(
      `${endpoint}/000000000000/q`,
    );
    const others = "https://sqs.example.com/000000000000/q https://api.eu-west-1.amazonaws.com/x";
    expect(withLocalQueues(others, endpoint)).to.equal(others);
  });
});
