import { expect } from "chai";
import { EventBus } from "../../components/event-bus.ts";
import { sealed } from "../../components/finaliser.ts";
import { Queue } from "../../components/queue.ts";
import { find, type Registered, recordResources, settled } from "../helpers/mocks.ts";

interface Events {
  OrderPlaced: { orderId: string; total: number };
  OrderFulfilled: { orderId: string };
}

const TARGET = "aws:cloudwatch/eventTarget:EventTarget";
const RULE = "aws:cloudwatch/eventRule:EventRule";

const own = (resources: Registered[]): string[] =>
  resources
    .filter(({ type }) => type.startsWith("aws:"))
    .map(({ type, name }) => `${type.split(":").at(-1)} ${name}`)
    .sort();

/** A bus with one rule to a function, and everything it made. */
async function withFunction(): Promise<Registered[]> {
  const resources = recordResources();
  const bus = new EventBus<Events>("shop", { archiveDays: 7 });
  const subscriber = bus.on("OrderPlaced", {
    pattern: { source: ["orders"], detail: { total: [{ numeric: [">", 0] }] } },
    callback: async ({ detail }) => {
      console.log(detail.orderId);
    },
  });
  await settled(bus, subscriber, subscriber.function, subscriber.policy);
  while (!resources.some(({ type }) => type === TARGET)) await new Promise(setImmediate);
  return resources;
}

describe("EventBus", () => {
  it("creates a bus, its archive and, per subscription, a function, a rule, its permission and its target", async () => {
    expect(own(await withFunction())).to.deep.equal([
      "EventArchive shop-archive",
      "EventBus shop-bus",
      "EventRule shop-order-placed-rule",
      "EventTarget shop-order-placed-target",
      "Function shop-order-placed-function",
      "FunctionEventInvokeConfig shop-order-placed-async",
      "LogGroup shop-order-placed-logs",
      "Permission shop-order-placed-permission",
      "Queue shop-order-placed-failures",
      "Queue shop-undelivered",
      "QueuePolicy shop-undelivered-policy",
      "Role shop-order-placed-role",
      "RolePolicy shop-order-placed-policy",
    ]);
  });

  it("matches the event's type and what the pattern adds", async () => {
    const { eventPattern } = find(await withFunction(), RULE, "shop-order-placed-rule");
    expect(JSON.parse(String(eventPattern))).to.deep.equal({
      source: ["orders"],
      "detail-type": ["OrderPlaced"],
      detail: { total: [{ numeric: [">", 0] }] },
    });
  });

  it("tries for a day, then leaves what no target took to dead letters that only its rules may write", async () => {
    const resources = await withFunction();
    expect(find(resources, TARGET, "shop-order-placed-target")).to.deep.include({
      arn: "arn:aws:test:::shop-order-placed-function",
      deadLetterConfig: { arn: "arn:aws:test:::shop-undelivered" },
      retryPolicy: { maximumEventAgeInSeconds: 86_400, maximumRetryAttempts: 185 },
    });
    const { policy } = find(resources, "aws:sqs/queuePolicy:QueuePolicy", "shop-undelivered-policy");
    const [statement] = (JSON.parse(String(policy)) as { Statement: Record<string, unknown>[] }).Statement;
    expect(statement).to.deep.include({
      Principal: { Service: "events.amazonaws.com" },
      Action: "sqs:SendMessage",
      Resource: "arn:aws:test:::shop-undelivered",
    });
  });

  it("forwards to a queue whose policy lets this rule in", async () => {
    const resources = recordResources();
    const queue = new Queue("jobs");
    const bus = new EventBus<Events>("shop");
    const rule = bus.forward("OrderFulfilled", { to: queue, name: "done" });
    await settled(bus, queue);
    await new Promise<void>((resolve) => rule.arn.apply(() => resolve()));
    sealed();
    while (!resources.some(({ type }) => type === TARGET)) await new Promise(setImmediate);
    expect(find(resources, TARGET, "shop-done-target")).to.deep.include({
      arn: "arn:aws:test:::jobs-queue",
    });
    const policies = resources.filter(({ type }) => type === "aws:sqs/queuePolicy:QueuePolicy");
    const texts = policies.map(({ inputs }) => JSON.stringify(inputs.policy));
    expect(
      texts.some((text) => text.includes("events.amazonaws.com") && text.includes("shop-done-rule")),
    ).to.equal(true);
  });

  it("lets transform have the last word", async () => {
    const resources = recordResources();
    const bus = new EventBus<Events>("shop", { transform: { bus: { description: "The shop's events" } } });
    await settled(bus, bus.bus);
    expect(find(resources, "aws:cloudwatch/eventBus:EventBus", "shop-bus")).to.deep.include({
      description: "The shop's events",
    });
  });

  describe("refuses", () => {
    const bus = (): EventBus<Events> => new EventBus<Events>("shop");
    const callback = async (): Promise<void> => {};

    it("two rules of one name", () => {
      const twice = bus();
      twice.on("OrderPlaced", { callback });
      expect(() => twice.on("OrderPlaced", { callback })).to.throw(
        'EventBus rule "shop/order-placed": there is a rule of that name already. Tell them apart with name: "...".',
      );
    });

    it("an archive over ten years, an age or retries beyond AWS's", () => {
      expect(() => new EventBus("shop", { archiveDays: 3_651 })).to.throw(/archiveDays/);
      expect(() => bus().on("OrderPlaced", { callback, maximumEventAgeInSeconds: 59 })).to.throw(
        /maximumEventAgeInSeconds/,
      );
      expect(() => bus().on("OrderPlaced", { callback, maximumRetryAttempts: 186 })).to.throw(
        /maximumRetryAttempts/,
      );
    });

    it("a pattern that is too long, and arguments it does not know", () => {
      const source = Array.from({ length: 200 }, (_, index) => `service-${index}`);
      expect(() => bus().on("OrderPlaced", { callback, pattern: { source } })).to.throw(/AWS allows 2048/);
      expect(() => bus().on("OrderPlaced", { callback, retries: 3 } as never)).to.throw(/retries/);
    });

    it("a name that makes the archive's too long", () => {
      expect(() => new EventBus("x".repeat(40))).to.throw(/archive/);
    });
  });
});
