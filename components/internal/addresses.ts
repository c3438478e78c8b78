/** Who gets mails. Pure. */
import { argumentError, type Culprit } from "./arguments.ts";

const ADDRESS = /^[^\s@]+@[^\s@]+\.[^\s@]+$/;

/** @throws Error naming what is no address */
export const checkAddresses = (who: Culprit, addresses: readonly string[] = []): void => {
  const wrong = addresses.find((address) => !ADDRESS.test(address));
  if (wrong !== undefined) throw argumentError(who, `"${wrong}" is no e-mail address.`);
};
