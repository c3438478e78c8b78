import * as pulumi from "@pulumi/pulumi";
import state from "@pulumi/pulumi/runtime/state.js";
import { sealed } from "../../components/finaliser.ts";
import { type Registered, recordResources, settled } from "./mocks.ts";

const { setStackResource } = state as unknown as { setStackResource(stack: undefined): void };

/**
 * What a program registers in a stack of its own, from its first statement to its end, with what waits for that end.
 * Resources that other tests of this process make afterwards are not the stack's any more.
 */
export async function registeredBy(program: () => void): Promise<Registered[]> {
  const registered = recordResources();
  const made: pulumi.Resource[] = [];
  const listeners = process.listeners("beforeExit");
  try {
    await pulumi.runtime.runInPulumiStack(async () => {
      pulumi.runtime.registerStackTransformation(({ resource }) => {
        made.push(resource);
        return undefined;
      });
      program();
      sealed();
      return {};
    });
    await settled(...made);
    return registered.filter(({ type }) => type !== pulumi.runtime.rootPulumiStackTypeName);
  } finally {
    setStackResource(undefined);
    // The end of this program has been; that of the process is no longer it.
    for (const listener of process.listeners("beforeExit")) {
      if (!listeners.includes(listener)) process.off("beforeExit", listener);
    }
  }
}
