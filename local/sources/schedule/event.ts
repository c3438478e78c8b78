/**
 * What a schedule sends. Pure.
 * Sources: https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-templated.html,
 * https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
 */
export interface Run {
  scheduleArn: string;
  /** When it was due, epoch milliseconds. */
  due: number;
  executionId: string;
  /** From 1. */
  attempt: number;
}

const seconds = (time: number): string => `${new Date(time).toISOString().slice(0, 19)}Z`;

/** AWS's own event, or the schedule's input with its context attributes filled in. JSON text. */
export const toEvent = (run: Run, input: string | undefined): string => {
  if (input !== undefined) return fillIn(input, run);
  const [, , , region = "", account = ""] = run.scheduleArn.split(":");
  return JSON.stringify({
    version: "0",
    id: run.executionId,
    "detail-type": "Scheduled Event",
    source: "aws.scheduler",
    account,
    time: seconds(run.due),
    region,
    resources: [run.scheduleArn],
    detail: "{}",
  });
};

const fillIn = (input: string, { scheduleArn, due, executionId, attempt }: Run): string =>
  input
    .replaceAll("<aws.scheduler.schedule-arn>", scheduleArn)
    .replaceAll("<aws.scheduler.scheduled-time>", seconds(due))
    .replaceAll("<aws.scheduler.execution-id>", executionId)
    .replaceAll("<aws.scheduler.attempt-number>", String(attempt));
