/**
 * Metric alarms: judged as each minute ends by the figures that the runtime and the program publish; a change of state
 * goes to the alarm's topics.
 * Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-actions.html
 *
 * Differs from AWS: of the actions only topics are served; composite alarms and anomaly detection are not.
 */
import type { ResourceNode } from "../engine/graph.ts";
import type { Transition } from "../services/metric-alarms.ts";
import { alarmMessage, alarmSubject } from "./alarms/message.ts";
import { readAlarm } from "./alarms/settings.ts";
import type { RunningSource, Source, SourceContext } from "./source.ts";

const isTopic = (arn: string): boolean => arn.split(":")[2] === "sns";

const publish = (transition: Transition, context: SourceContext): void => {
  const { settings } = transition.alarm;
  if (!settings.actionsEnabled) return;
  const [message, subject] = [alarmMessage(transition), alarmSubject(transition)];
  for (const arn of settings.actions[transition.to].filter(isTopic)) {
    context.services.topics.publish(arn, message, subject).catch(({ message: why }: Error) => {
      context.log(`Alarm "${settings.name}": its message is lost: ${why}`);
    });
  }
};

const start = async (node: ResourceNode, context: SourceContext): Promise<RunningSource> => {
  const settings = readAlarm(node);
  const remove = context.services.alarms.define(settings, (transition) => {
    const { from, to, reason, at } = transition;
    context.trace.emit({ kind: "alarm", at, alarm: settings.name, resource: node.name, from, to, reason });
    publish(transition, context);
  });
  return {
    name: `alarm ${settings.name}`,
    async stop() {
      remove();
    },
  };
};

export const source: Source = { types: ["aws:cloudwatch/metricAlarm:MetricAlarm"], start };
