import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { Alarms } from "./alarms.ts";
import { Component, type ComponentArgs } from "./component.ts";
import { checkAddresses } from "./internal/addresses.ts";
import { argumentError, requireRange } from "./internal/arguments.ts";
import { applyTransform, type Transform } from "./internal/transform.ts";

export interface BudgetArgs extends ComponentArgs {
  /** Dollars that the stack may cost in a month. 1-1,000,000. */
  monthlyDollars: number;
  /** Who is told beside the e-mail addresses: its topic. */
  alarms?: Alarms;
  /** Who is told by AWS Budgets itself. At most 10; one of these or `alarms` is needed. */
  emails?: string[];
  /** The last word on the budget. */
  transform?: { budget?: Transform<aws.budgets.BudgetArgs> };
}

const MOST_MAILS = 10;

/**
 * What the stack may cost in a month, and a message when it has cost so much, or is forecast to.
 *
 * Creates one budget of the costs that carry the stack's `project` and `stack` tags. The account must take them for
 * cost allocation tags first (Billing, once); until a day after, the budget sees no cost. What AWS cannot tag, such as
 * requests to CloudWatch, is not in it.
 *
 * ```ts
 * new Budget("budget", { monthlyDollars: 100, alarms });
 * ```
 *
 * Cost driver: none; budgets that only notify are free. AWS looks at the cost up to three times a day, and forecasts
 * need five weeks of history. Failure path: none; nothing is ever switched off by it. Locally it is declared only.
 * Sources: https://docs.aws.amazon.com/cost-management/latest/userguide/budgets-managing-costs.html,
 * https://docs.aws.amazon.com/cost-management/latest/userguide/budgets-best-practices.html
 */
export class Budget extends Component {
  /** The budget itself. */
  readonly budget: aws.budgets.Budget;

  constructor(name: string, args: BudgetArgs, opts?: pulumi.ComponentResourceOptions) {
    super("Budget", name, args, opts);
    this.validate(args);
    this.budget = this.createBudget(args);
    this.registerOutputs({ name: this.budget.name });
  }

  private validate(args: BudgetArgs): void {
    const who = { noun: this.noun, name: this.componentName };
    this.refuseUnknown(args, {
      monthlyDollars: true,
      alarms: true,
      emails: true,
      transform: true,
      tags: true,
    });
    if (args.monthlyDollars === undefined) {
      throw argumentError(who, "monthlyDollars is missing; say what the stack may cost in a month.");
    }
    requireRange(who, "monthlyDollars", args.monthlyDollars, {
      minimum: 1,
      maximum: 1_000_000,
      unit: "dollars",
      fractions: true,
    });
    const emails = args.emails ?? [];
    if (emails.length > MOST_MAILS) {
      throw argumentError(
        who,
        `emails has ${emails.length} addresses; AWS allows ${MOST_MAILS}. Use a list.`,
      );
    }
    checkAddresses(who, emails);
    if (emails.length === 0 && args.alarms === undefined) {
      throw argumentError(who, "nobody would be told. Give alarms, emails, or both.");
    }
  }

  private createBudget(args: BudgetArgs): aws.budgets.Budget {
    const tag = (key: string, value: string) => ({
      tags: { key, values: [value], matchOptions: ["EQUALS"] },
    });
    const notification = {
      comparisonOperator: "GREATER_THAN",
      threshold: 100,
      thresholdType: "PERCENTAGE",
      subscriberSnsTopicArns: args.alarms && [args.alarms.topicArn],
      subscriberEmailAddresses: args.emails,
    };
    const [budgetArgs, opts] = applyTransform<aws.budgets.BudgetArgs>(
      args.transform?.budget,
      {
        budgetType: "COST",
        timeUnit: "MONTHLY",
        limitAmount: args.monthlyDollars.toFixed(2),
        limitUnit: "USD",
        metrics: "UnblendedCost",
        filterExpression: {
          ands: [tag("project", pulumi.getProject()), tag("stack", pulumi.getStack())],
        },
        notifications: ["ACTUAL", "FORECASTED"].map((notificationType) => ({
          ...notification,
          notificationType,
        })),
        tags: this.tags,
      },
      // AWS Budgets tries the topic when it is named, and refuses one that it may not publish to.
      this.child({ dependsOn: args.alarms ? [args.alarms.policy] : [] }),
    );
    return new aws.budgets.Budget(`${this.componentName}-budget`, budgetArgs, opts);
  }
}
