/**
 * One release: every function's shift begins, all are watched to their end, and when one is taken back the others are
 * too, so that what runs is the old state or the new one and no mixture.
 */
import { type Clients, type Standing, standingOf, start, takeBack, trafficOf, underWay } from "./aws.ts";
import type { Unit } from "./units.ts";

/** How often the deployments are looked at, milliseconds. */
const LOOK_EVERY = 5_000;
/** Looks in a row that may fail: a minute without an answer. */
const MOST_FAILED_LOOKS = 12;

export interface Surroundings {
  wait(milliseconds: number): Promise<void>;
  /** What is going on right now. */
  step(text: string): void;
  /** What stays to be read. */
  note(text: string): void;
}

/** A function on its way to its newest version. */
interface Shift {
  unit: Unit;
  from: string;
  deployment: string;
  standing: Standing;
}

export interface Outcome {
  /** Functions that had their newest version already. */
  unchanged: string[];
  released: string[];
  /** Functions that kept their old version, with the reason. */
  takenBack: { name: string; reason: string }[];
}

/**
 * Shifts the traffic of these functions to their newest versions.
 * @throws {Error} before anything is started, when a release is under way or AWS refuses to say how things stand.
 */
export async function release(
  units: readonly Unit[],
  clients: Clients,
  surroundings: Surroundings,
): Promise<Outcome> {
  await refuseSecond(units, clients);
  const traffic = await Promise.all(
    units.map(async (unit) => ({ unit, from: await versionOf(clients, unit) })),
  );
  const changed = traffic.filter(({ unit, from }) => unit.target !== from);
  const unchanged = traffic.filter(({ unit, from }) => unit.target === from).map(({ unit }) => unit.name);
  const shifts = await startAll(changed, clients, surroundings);
  await watch(shifts, clients, surroundings);
  return {
    unchanged,
    released: shifts.filter(({ standing }) => standing.state === "succeeded").map(({ unit }) => unit.name),
    takenBack: shifts
      .filter(({ standing }) => standing.state === "failed")
      .map(({ unit, standing }) => ({ name: unit.name, reason: standing.reason ?? "" })),
  };
}

/** An alias between two versions is being moved, or was left so by hand: neither is the time for another release. */
async function versionOf(clients: Clients, unit: Unit): Promise<string> {
  const { version, weights } = await trafficOf(clients, unit);
  const [other] = Object.keys(weights);
  if (other === undefined) return version;
  throw new Error(
    `${unit.name} shares its traffic between the versions ${version} and ${other}, and no release of it is under way. Set the alias "${unit.alias}" of ${unit.functionName} to one of them first.`,
  );
}

async function refuseSecond(units: readonly Unit[], clients: Clients): Promise<void> {
  for (const unit of units) {
    const deployment = await underWay(clients, unit);
    if (deployment === undefined) continue;
    throw new Error(
      `A release of ${unit.name} is under way already (${deployment}). Wait for it, or stop it: aws deploy stop-deployment --deployment-id ${deployment} --auto-rollback-enabled.`,
    );
  }
}

/** All or none: when one cannot be started, those before it are taken back. */
async function startAll(
  changed: readonly Pick<Shift, "unit" | "from">[],
  clients: Clients,
  { note }: Surroundings,
): Promise<Shift[]> {
  const shifts: Shift[] = [];
  try {
    for (const { unit, from } of changed) {
      const deployment = await start(clients, unit, from);
      shifts.push({ unit, from, deployment, standing: { state: "running" } });
      note(`${unit.name}: version ${from} -> ${unit.target} (${deployment})`);
    }
    return shifts;
  } catch (error) {
    // What cannot be taken back either must not hide why: CodeDeploy goes on with it, under its alarms.
    await Promise.allSettled(shifts.map(({ deployment }) => takeBack(clients, deployment)));
    throw error;
  }
}

const running = (shifts: readonly Shift[]): Shift[] =>
  shifts.filter(({ standing }) => standing.state === "running");

/** @throws {Error} when AWS gives no answer for a minute: CodeDeploy goes on, and takes back what its alarms tell it to */
async function watch(shifts: readonly Shift[], clients: Clients, surroundings: Surroundings): Promise<void> {
  let failedLooks = 0;
  const told = new Set<Shift>();
  while (running(shifts).length > 0) {
    surroundings.step(await progressOf(shifts, clients));
    await surroundings.wait(LOOK_EVERY);
    try {
      await look(shifts, told, { clients, surroundings });
      failedLooks = 0;
    } catch (error) {
      failedLooks += 1;
      if (failedLooks > MOST_FAILED_LOOKS) throw unseen(shifts, error);
    }
  }
}

function unseen(shifts: readonly Shift[], cause: unknown): Error {
  const said = cause instanceof Error ? cause.message : String(cause);
  const going = running(shifts).map(({ unit, deployment }) => `${unit.name} (${deployment})`);
  return new Error(
    `AWS has not said for a minute how the release stands (${said}). CodeDeploy goes on with ${going.join(", ")} under its alarms; aws deploy get-deployment --deployment-id ID tells how each ends.`,
    { cause },
  );
}

/** How all stand now; when one was taken back, the others are told to follow, again until they have heard it. */
async function look(
  shifts: readonly Shift[],
  told: Set<Shift>,
  { clients, surroundings }: { clients: Clients; surroundings: Surroundings },
): Promise<void> {
  for (const shift of running(shifts)) shift.standing = await standingOf(clients, shift.deployment);
  const failed = shifts.find(({ standing }) => standing.state === "failed");
  if (!failed) return;
  if (!told.has(failed))
    surroundings.note(`${failed.unit.name} was taken back (${failed.standing.reason}); the others follow.`);
  told.add(failed);
  for (const shift of running(shifts).filter((each) => !told.has(each))) {
    await takeBack(clients, shift.deployment);
    told.add(shift);
  }
}

/** `2 of 5 shifted; api-get-devices 10 %, ...`: where the traffic is, as Lambda itself says, or no share when it does not. */
async function progressOf(shifts: readonly Shift[], clients: Clients): Promise<string> {
  const done = shifts.filter(({ standing }) => standing.state === "succeeded").length;
  const shares = await Promise.all(
    running(shifts).map(({ unit }) =>
      trafficOf(clients, unit).then(
        ({ version, weights }) => {
          const share = version === unit.target ? 1 : (weights[unit.target] ?? 0);
          return `${unit.name} ${Math.round(share * 100)} %`;
        },
        () => unit.name,
      ),
    ),
  );
  return [`${done} of ${shifts.length} shifted`, shares.join(", ")].filter(Boolean).join("; ");
}
