import { expect } from "chai";
import { Alarms } from "../../components/alarms.ts";
import { Budget, type BudgetArgs } from "../../components/budget.ts";
import { find } from "../helpers/mocks.ts";
import { registeredBy } from "../helpers/stack.ts";

describe("Budget: infrastructure", () => {
  it("tells the topic when the stack's month has cost the amount, or is forecast to", async () => {
    const resources = await registeredBy(() => {
      new Budget("month", { monthlyDollars: 250, alarms: new Alarms("alarms") });
    });
    const budget = find(resources, "aws:budgets/budget:Budget", "month-budget");
    const tag = (key: string, value: string) => ({
      tags: { key, values: [value], matchOptions: ["EQUALS"] },
    });
    expect(budget).to.deep.include({
      budgetType: "COST",
      timeUnit: "MONTHLY",
      limitAmount: "250.00",
      limitUnit: "USD",
      metrics: "UnblendedCost",
      filterExpression: { ands: [tag("project", "project"), tag("stack", "test")] },
    });
    expect(budget.notifications).to.deep.equal(
      ["ACTUAL", "FORECASTED"].map((notificationType) => ({
        notificationType,
        comparisonOperator: "GREATER_THAN",
        threshold: 100,
        thresholdType: "PERCENTAGE",
        subscriberSnsTopicArns: ["arn:aws:test:::alarms-topic"],
      })),
    );
  });

  it("tells addresses where there is no topic", async () => {
    const resources = await registeredBy(() => {
      new Budget("month", { monthlyDollars: 9.5, emails: ["a@example.com"] });
    });
    const { notifications, limitAmount } = find(resources, "aws:budgets/budget:Budget", "month-budget");
    expect(limitAmount).to.equal("9.50");
    expect(notifications).to.have.length(2);
    expect((notifications as object[])[0]).to.deep.include({ subscriberEmailAddresses: ["a@example.com"] });
  });

  for (const [args, message] of [
    [{ monthlyDollars: 10 }, "nobody would be told"],
    [{ emails: ["a@example.com"] }, "monthlyDollars is missing"],
    [{ monthlyDollars: 0, emails: ["a@example.com"] }, "monthlyDollars is 0; it must be a number from 1"],
    [{ monthlyDollars: Number.NaN, emails: ["a@example.com"] }, "monthlyDollars is NaN"],
    [{ monthlyDollars: 1, emails: Array(11).fill("a@example.com") }, "AWS allows 10"],
    [{ monthlyDollar: 1 }, 'unknown argument "monthlyDollar"'],
  ] as const) {
    it(`refuses ${JSON.stringify(args).slice(0, 50)}`, async () => {
      let refusal: unknown;
      await registeredBy(() => {
        new Budget("month", args as unknown as BudgetArgs);
      }).catch((error: unknown) => {
        refusal = error;
      });
      expect(String(refusal)).to.include('Budget "month": ').and.to.include(message);
    });
  }
});

// Not proven here: what AWS counts as the stack's cost, which depends on its tags being activated.
