/** What the broker says to one device's packets: AWS IoT's limits first, then the program's policies. */
import type { IConnectPacket } from "mqtt-packet";
import {
  clientIdProblem,
  filterProblem,
  messageProblem,
  quote,
  REASON,
  type Refusal,
  refusal,
} from "./mqtt-limits.ts";
import type { DevicePolicies, DeviceRights } from "./mqtt-policy.ts";

const NO_RIGHTS: DeviceRights = { allows: () => false };

interface Published {
  topic: string;
  qos: number;
  payload: string | Buffer;
  retain: boolean;
}

export class DeviceJudge {
  readonly #rights: DeviceRights;
  readonly #invalid: Refusal | undefined;

  /** @param clientId as the device sent it */
  constructor(clientId: string, policies: DevicePolicies) {
    this.#invalid = clientIdProblem(clientId);
    this.#rights = this.#invalid ? NO_RIGHTS : policies.rightsOf(clientId);
  }

  connect({ protocolVersion, clientId, will, properties }: IConnectPacket): Refusal | undefined {
    if (protocolVersion !== 4 && protocolVersion !== 5)
      return refusal(REASON.unsupportedVersion, "AWS IoT speaks MQTT 3.1.1 and 5");
    if (properties?.authenticationMethod !== undefined)
      return refusal(REASON.badAuthenticationMethod, "AWS IoT knows no enhanced authentication");
    if (this.#invalid) return this.#invalid;
    if (!this.#rights.allows("iot:Connect", `client/${clientId}`))
      return refusal(REASON.notAuthorised, "no policy lets it connect");
    return will && this.message({ ...will, qos: will.qos ?? 0, retain: will.retain === true });
  }

  message(message: Published): Refusal | undefined {
    const problem = messageProblem(message);
    if (problem !== undefined) return problem;
    const resource = `topic/${message.topic}`;
    const actions = message.retain ? ["iot:Publish", "iot:RetainPublish"] : ["iot:Publish"];
    const denied = actions.find((action) => !this.#rights.allows(action, resource));
    if (denied === undefined) return undefined;
    return refusal(REASON.notAuthorised, `no policy allows it ${denied} on ${quote(message.topic)}`);
  }

  filter(filter: string): Refusal | undefined {
    const problem = filterProblem(filter);
    if (problem !== undefined || this.#rights.allows("iot:Subscribe", `topicfilter/${filter}`))
      return problem;
    return refusal(REASON.notAuthorised, `no policy allows it iot:Subscribe to ${quote(filter)}`);
  }

  mayReceive(topic: string): boolean {
    return this.#rights.allows("iot:Receive", `topic/${topic}`);
  }
}
