import { expect } from "chai";
import {
  ALARM_RULES,
  type AlarmKind,
  alarmDescription,
  concurrencyThreshold,
  durationThreshold,
  isWithin,
  iteratorAgeThreshold,
  queueAgeThreshold,
} from "../../../components/internal/alarm-rules.ts";
import { keyPolicy, topicPolicy } from "../../../components/internal/alarm-topic.ts";
import { functionNameOf, logGroupNameOf } from "../../../components/internal/arns.ts";

const KINDS = Object.keys(ALARM_RULES) as AlarmKind[];

describe("components/internal/alarm-rules", () => {
  it("warns at 80 % of a timeout, of a reservation, and of what reservations leave", () => {
    expect(durationThreshold(30)).to.equal(24_000);
    expect(concurrencyThreshold(50)).to.equal(40);
    expect(concurrencyThreshold(3)).to.equal(2);
  });

  it("does not warn of a reservation that is used up by running at all", () => {
    expect([0, 1, 2].map((available) => concurrencyThreshold(available) > available)).to.deep.equal([
      true,
      true,
      true,
    ]);
  });

  it("warns when records have waited for half the time they are kept", () => {
    expect(iteratorAgeThreshold(24)).to.equal(12 * 3_600_000);
  });

  it("warns when a message has outlasted two attempts, but not within five minutes", () => {
    expect(queueAgeThreshold(180, 0)).to.equal(360);
    expect(queueAgeThreshold(180, 900)).to.equal(1_260);
    expect(queueAgeThreshold(30, 0)).to.equal(300);
  });

  it("needs no more bad periods than it looks at, in periods that AWS's own metrics have", () => {
    for (const kind of KINDS) {
      const { datapoints, period } = ALARM_RULES[kind];
      expect(datapoints[0], kind).to.be.within(1, datapoints[1]);
      expect(period % 60, kind).to.equal(0);
    }
  });

  it("has the essential within all, and not the other way round", () => {
    expect([isWithin("essential", "all"), isWithin("essential", "essential")]).to.deep.equal([true, true]);
    expect([isWithin("all", "all"), isWithin("all", "essential")]).to.deep.equal([true, false]);
  });

  it("says where, what, and what to do, in what CloudWatch takes even for the longest names", () => {
    for (const kind of KINDS) {
      const text = alarmDescription(kind, {
        place: `${"p".repeat(64)}/${"s".repeat(64)}`,
        subject: "n".repeat(247),
        runbook: `https://example.com/${"r".repeat(100)}`,
      });
      expect(text.length, kind).to.be.at.most(1_024);
      expect(text, kind).to.match(new RegExp(`\\. https://\\S+#${kind}$`));
    }
  });
});

describe("components/internal/alarm-topic", () => {
  it("lets the account's alarms and budgets publish, in the topic's own partition", () => {
    const { Statement } = topicPolicy("arn:aws-cn:sns:cn-north-1:123456789012:t", "123456789012") as {
      Statement: { Condition: object }[];
    };
    expect(Statement.map(({ Condition }) => Condition)).to.deep.equal([
      {
        StringEquals: { "aws:SourceAccount": "123456789012" },
        ArnLike: { "aws:SourceArn": "arn:aws-cn:cloudwatch:*:123456789012:*" },
      },
      {
        StringEquals: { "aws:SourceAccount": "123456789012" },
        ArnLike: { "aws:SourceArn": "arn:aws-cn:budgets::123456789012:*" },
      },
    ]);
  });

  it("leaves the key to its account", () => {
    const { Statement } = keyPolicy("123456789012", "aws-cn") as { Statement: { Principal: object }[] };
    expect(Statement[0]?.Principal).to.deep.equal({ AWS: "arn:aws-cn:iam::123456789012:root" });
  });
});

describe("components/internal/arns", () => {
  it("finds a function's name in whatever a mapping may call it by", () => {
    const arn = "arn:aws:lambda:us-east-1:123456789012:function:greet-1";
    expect([arn, `${arn}:live`, "greet-1", "greet-1:live"].map(functionNameOf)).to.deep.equal(
      Array.from({ length: 4 }, () => "greet-1"),
    );
  });

  it("finds a log group's name in its ARN", () => {
    expect(logGroupNameOf("arn:aws:logs:us-east-1:123456789012:log-group:/aws/vendedlogs/api-1")).to.equal(
      "/aws/vendedlogs/api-1",
    );
    expect(logGroupNameOf("arn:aws:logs:us-east-1:123456789012:log-group:greet:*")).to.equal("greet");
  });
});
