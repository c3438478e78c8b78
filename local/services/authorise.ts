/**
 * From a wire request to the IAM actions and resources that its caller must be allowed. Pure.
 *
 * The mapping of each service is beside this file (`authorise-kinesis.ts`, ...); here is what they share.
 * Source: https://docs.aws.amazon.com/service-authorization/latest/reference/reference.html
 */

import { ServiceError } from "./faults.ts";
import type { Authorise, Credential, Permission } from "./service.ts";

/** AWS's refusal in the JSON protocols. */
export const accessDenied = (message: string): ServiceError =>
  new ServiceError("AccessDeniedException", message);

/** The refusal's message, or undefined when the caller may do all of it. */
export const refusal = (
  authorise: Authorise | undefined,
  credential: Credential,
  permissions: readonly Permission[],
): string | undefined => {
  if (!authorise) return undefined;
  for (const { action, resources } of permissions) {
    for (const resource of resources) {
      const decision = authorise(credential.accessKeyId, action, resource);
      if (!decision.allowed) return decision.message;
    }
  }
  return undefined;
};
