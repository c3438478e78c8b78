/** Looks, tells, asks, and does. */
import type { Task } from "./task.ts";

export interface Outcome {
  /** What was not so. */
  needed: string[];
  /** What has become so. */
  done: string[];
}

export interface Dialogue {
  say(line: string): void;
  /** Whether to go on; asked once, and only when there is something to do. */
  agrees(): Promise<boolean>;
}

const undone = async (tasks: readonly Task[]): Promise<Task[]> => {
  const found: Task[] = [];
  for (const task of tasks) if (!(await task.isDone())) found.push(task);
  return found;
};

/**
 * Brings about what is not so yet. Every task is looked at again before it is done: an earlier one may have done it.
 * @throws {Error} what a task threw; those before it stay done, and the next run goes on from there.
 */
export const bringAbout = async (tasks: readonly Task[], { say, agrees }: Dialogue): Promise<Outcome> => {
  const needed = await undone(tasks);
  const outcome: Outcome = { needed: needed.map(({ what }) => what), done: [] };
  if (needed.length === 0) {
    say("Everything is as it should be; nothing to do.");
    return outcome;
  }
  say(`To do, in this order (${needed.length} of ${tasks.length}; the others are as they should be):`);
  for (const { what } of needed) say(`  ${what}`);
  if (!(await agrees())) return outcome;
  for (const task of needed) {
    if (await task.isDone()) continue;
    await task.perform();
    outcome.done.push(task.what);
    say(`done: ${task.what}`);
  }
  return outcome;
};
