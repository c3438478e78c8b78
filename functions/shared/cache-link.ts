/** One connection to a cache, from its opening to its end. Pure but for what it is given. */

/** What a client offers. Its promises reject when the connection breaks or the server refuses. */
export interface Connection {
  get(key: string): Promise<string | null>;
  set(key: string, value: string, ttlMs: number): Promise<unknown>;
  /** Drops it at once, whatever is under way. */
  close(): void;
  /** Calls back when it has ended, for whatever reason. */
  onEnd(listener: () => void): void;
}

export interface Link {
  /** Settles when it is open, or cannot be. */
  ready: Promise<Connection>;
  open: boolean;
  /** A read has waited in vain for it to open. */
  hanging: boolean;
  /** Commands in a row that were not answered in time. */
  late: number;
  /** A refusal has been logged. */
  complained: boolean;
  close(): void;
}

/** First wait after a failure and longest wait, in milliseconds. */
const FIRST_WAIT = 500;
const LONGEST_WAIT = 30_000;

/**
 * Milliseconds until the next attempt: twice as many each time, half of them by chance, so that a thousand functions
 * that lost a cache together do not come back together.
 */
export function backOff(failures: number, random: number): number {
  return Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** Math.min(failures, 16)) * (0.5 + random / 2);
}

/** Whether the server answered, with an error: the connection itself is fine. */
export const isReplyError = (error: Error): boolean => error.name === "ReplyError";

/** Starts to connect. `onLost` hears of the connection's end, once or more. */
export function openLink(connect: () => Promise<Connection>, onLost: (error: Error) => void): Link {
  let closed = false;
  const ready = connect();
  const link: Link = {
    ready,
    open: false,
    hanging: false,
    late: 0,
    complained: false,
    close: () => {
      closed = true;
      void ready.then((connection) => connection.close()).catch(() => {});
    },
  };
  ready.then(
    (connection) => {
      link.open = true;
      link.hanging = false;
      connection.onEnd(() => {
        if (!closed) onLost(new Error("the connection has ended"));
      });
    },
    (error: Error) => {
      if (!closed) onLost(error);
    },
  );
  return link;
}
