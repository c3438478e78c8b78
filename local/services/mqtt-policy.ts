/**
 * What a device may do: the program's IoT policies, with the device's own name in them.
 * Sources: https://docs.aws.amazon.com/iot/latest/developerguide/iot-policies.html,
 * https://docs.aws.amazon.com/iot/latest/developerguide/thing-policy-variables.html
 *
 * Differs from AWS: there are no certificates here, so every device has all of the program's policies, and is taken for
 * the Thing that its client id names.
 */
import { evaluatePolicies, type PolicyDocument, parsePolicy } from "../lambda/iam.ts";

/** Decisions kept per device: topics differ without end. */
const MOST_DECISIONS = 1_000;
const VARIABLE = /\$\{([^}]*)\}/g;

/** The policy's text with its variables replaced. @throws {Error} naming a variable that is not known here. */
const withNames = (text: string, policy: string, thing: string): string =>
  text.replace(VARIABLE, (_, variable: string) => {
    if (variable === "iot:Connection.Thing.ThingName" || variable === "iot:ClientId") return thing;
    throw new Error(
      `IoT policy "${policy}": the variable "${variable}" is not served here; use iot:Connection.Thing.ThingName or iot:ClientId.`,
    );
  });

/** What one device may do. */
export interface DeviceRights {
  allows(action: string, resource: string): boolean;
}

export class DevicePolicies {
  readonly #prefix: string;
  readonly #texts = new Map<string, string>();

  /** @param prefix of every ARN: `arn:aws:iot:<region>:<account>` */
  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /**
   * In force for connections from now on.
   * @throws {Error} for a policy that cannot be understood.
   */
  set(name: string, text: string): void {
    const document = parsePolicy(withNames(text, name, "device"));
    evaluatePolicies([document], "iot:Connect", this.#prefix);
    this.#texts.set(name, text);
  }

  delete(name: string): void {
    this.#texts.delete(name);
  }

  /** @param thing a client id that has been checked: letters, digits and `:_-` */
  rightsOf(thing: string): DeviceRights {
    const documents = [...this.#texts].map(
      ([name, text]): PolicyDocument => parsePolicy(withNames(text, name, thing)),
    );
    const context = { "iot:Connection.Thing.IsAttached": "true", "iot:Connection.Thing.ThingName": thing };
    const decisions = new Map<string, boolean>();
    return {
      allows: (action, resource) => {
        const key = `${action} ${resource}`;
        const known = decisions.get(key);
        if (known !== undefined) return known;
        const allowed =
          evaluatePolicies(documents, action, `${this.#prefix}:${resource}`, context) === "allow";
        if (decisions.size >= MOST_DECISIONS) decisions.clear();
        decisions.set(key, allowed);
        return allowed;
      },
    };
  }
}
