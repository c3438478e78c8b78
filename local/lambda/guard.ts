/**
 * Sees to it that no environment outlives the runtime, however the runtime ends.
 *
 * A frozen process notices nothing, so environments cannot all end themselves when the runtime crashes or is killed.
 * A small shell holds the other end of a pipe: when the pipe closes it kills every environment that is still listed
 * and removes the pool's folder. Where there is no POSIX shell nothing is ever frozen, and environments end by
 * themselves as soon as their Runtime API connection closes.
 */
import { type ChildProcess, spawn } from "node:child_process";

const SCRIPT = `
trap '' INT TERM HUP
pids=' '
while read -r verb pid; do
  case $verb in
    +) pids="$pids$pid " ;;
    -) pids="\${pids%%" $pid "*} \${pids#*" $pid "}" ;;
  esac
done
for pid in $pids; do kill -s KILL -- "-$pid" 2>/dev/null; done
chmod -R u+w -- "$1" 2>/dev/null
rm -rf -- "$1"
`;

export class Guard {
  readonly #shell: ChildProcess | undefined;

  /** @param directory removed at the end */
  constructor(directory: string) {
    if (process.platform === "win32") return;
    this.#shell = spawn("/bin/sh", ["-c", SCRIPT, "guard", directory], {
      stdio: ["pipe", "ignore", "ignore"],
      detached: true,
      env: {},
      cwd: "/",
    });
    this.#shell.on("error", () => {});
    this.#shell.stdin?.on("error", () => {});
    this.#shell.unref();
  }

  /** The shell's process id, while it runs. */
  get pid(): number | undefined {
    return this.#shell?.pid;
  }

  /** Adds a process group. */
  watch(pid: number): void {
    this.#shell?.stdin?.write(`+ ${pid}\n`);
  }

  /** Takes out a process group that has ended: its number may come back as somebody else's. */
  forget(pid: number): void {
    this.#shell?.stdin?.write(`- ${pid}\n`);
  }

  /** Kills what is still listed, removes the folder, and ends. */
  async stop(): Promise<void> {
    const shell = this.#shell;
    if (shell === undefined || shell.exitCode !== null || shell.pid === undefined) return;
    const ended = new Promise((resolve) => shell.once("exit", resolve));
    shell.ref();
    shell.stdin?.end();
    await ended;
  }
}
