import { runtime } from "@pulumi/pulumi";

/**
 * Work that must wait for the program's last subscription: a bucket's one notification, a stage's route
 * settings, an API's OpenAPI document. Node emits `beforeExit` when the program has nothing left to do;
 * resources created then are previewed and deployed like any other (the event loop simply goes on), but the
 * stack's outputs are already taken.
 */
interface Finaliser {
  pending: Map<string, () => void>;
  /** What looks at the finished program: runs when nothing is pending any more. */
  last: Map<string, () => void>;
}

// One finaliser per program run, keyed by the run's root, so that two programs in one process (tests) never mix.
const finalisers = new WeakMap<object, Finaliser>();
const noStack = {};

const root = (): object => runtime.getStackResource() ?? noStack;

function finaliser(): Finaliser {
  const key = root();
  const existing = finalisers.get(key);
  if (existing) return existing;
  const created: Finaliser = { pending: new Map(), last: new Map() };
  finalisers.set(key, created);
  process.on("beforeExit", () => run(created));
  return created;
}

function run({ pending, last }: Finaliser): void {
  drain(pending);
  drain(last);
}

/** What is added meanwhile runs too. */
function drain(waiting: Map<string, () => void>): void {
  for (const [key, work] of waiting) {
    waiting.delete(key);
    work();
  }
}

/** Runs `work` once, after the program's last statement. `key` names it; a second call with it replaces the first. */
export function whenComplete(key: string, work: () => void): void {
  finaliser().pending.set(key, work);
}

/** The same for what needs all resources of the program: it runs after whatever waits with `whenComplete`. */
export function whenFinished(key: string, work: () => void): void {
  finaliser().last.set(key, work);
}

/** Runs everything that waits, now. For tests, which have no end of program. */
export function sealed(): void {
  run(finaliser());
}
