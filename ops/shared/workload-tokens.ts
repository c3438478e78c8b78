/** How often machines fetch an access token. Pure. */
import type { ResourceNode } from "../../local/engine/graph.ts";
import { listOf, mapOf, numberOf, type View } from "../../local/engine/rules/view.ts";
import type { Load } from "./load.ts";
import { SECONDS_PER_DAY } from "./workload-assumptions.ts";

export const CLIENT = "aws:cognito/userPoolClient:UserPoolClient";
/** How long a token lasts, and in what, where a client does not say: https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_CreateUserPoolClient.html */
const DEFAULT_VALIDITY = 1;
const HOUR = 3_600;
const SECONDS: Readonly<Record<string, number>> = {
  seconds: 1,
  minutes: 60,
  hours: HOUR,
  days: SECONDS_PER_DAY,
};

/** Whether programs use it; people who sign in are no part of a load. */
export const isForMachines = (client: ResourceNode): boolean =>
  listOf(client.inputs.allowedOauthFlows).includes("client_credentials");

const validSeconds = (client: ResourceNode): number => {
  const unit = mapOf(client.inputs.tokenValidityUnits).accessToken;
  return (numberOf(client, "accessTokenValidity") ?? DEFAULT_VALIDITY) * (SECONDS[String(unit)] ?? HOUR);
};

/**
 * Tokens that a client gives out a second: callers, and the devices that send by HTTP, each fetch one as often as one
 * ends. Where a program has several clients for machines, each has its share of them.
 */
export const tokensPerSecond = (client: ResourceNode, view: View, load: Load): number => {
  if (!isForMachines(client)) return 0;
  const clients = view.ofType(CLIENT).filter(isForMachines).length;
  const callers = load.apiCallers + load.devices * load.httpShare;
  return callers / clients / validSeconds(client);
};
