/**
 * From a wire request to the IAM actions and resources that its caller must be allowed. Pure.
 *
 * The mapping of each service is beside this file (`authorise-kinesis.ts`, ...); here is what they share.
 * Source: https://docs.aws.amazon.com/service-authorization/latest/reference/reference.html
 */

import { ServiceError } from "./faults.ts";
import type { Authorise, Caller, Credential } from "./service.ts";

/** AWS's refusal in the JSON protocols. */
export const accessDenied = (message: string): ServiceError =>
  new ServiceError("AccessDeniedException", message);

/** A request's caller; the account's owner is allowed everything, and so is everybody without `authorise`. */
export const callerOf = (credential: Credential | undefined, authorise: Authorise | undefined): Caller => ({
  credential,
  refusal: (permissions) => {
    if (!authorise || !credential) return undefined;
    const asked = permissions.flatMap(({ action, resources }) =>
      resources.map((resource) => ({ action, resource })),
    );
    for (const { action, resource } of asked) {
      const decision = authorise(credential.accessKeyId, action, resource);
      if (!decision.allowed) return decision.message;
    }
    return undefined;
  },
});
