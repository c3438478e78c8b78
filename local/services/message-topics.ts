/** The topics of the embedded SNS, as the runtime itself makes and uses them. Queues are the only subscribers served. */
import { ServiceError } from "./faults.ts";
import type { Fauxqs } from "./fauxqs.ts";
import type { Place } from "./service.ts";

export class MessageTopics {
  readonly #fauxqs: Fauxqs;
  readonly #place: Place;

  constructor(fauxqs: Fauxqs, place: Place) {
    this.#fauxqs = fauxqs;
    this.#place = place;
  }

  /** Makes the topic unless it exists. */
  define(name: string, attributes: Readonly<Record<string, string>> = {}): void {
    this.#fauxqs.sns.createTopic(name, { ...attributes }, undefined, this.#place.region);
  }

  /** Lets a queue have the topic's messages, once however often it is called. @returns how to end that */
  subscribe(
    topicArn: string,
    queueArn: string,
    attributes: Readonly<Record<string, string>> = {},
  ): () => void {
    const { sns } = this.#fauxqs;
    const subscription = sns.subscribe(topicArn, "sqs", queueArn, { ...attributes });
    if (subscription === undefined) throw new ServiceError("NotFound", `There is no topic ${topicArn}.`);
    return () => void sns.unsubscribe(subscription.arn);
  }

  /** @param subject of mails about it. @throws ServiceError when there is no such topic */
  async publish(topicArn: string, message: string, subject?: string): Promise<void> {
    const answer = await this.#fauxqs.app.inject({
      method: "POST",
      url: "/",
      headers: { "content-type": "application/x-www-form-urlencoded" },
      payload: new URLSearchParams({
        Action: "Publish",
        TopicArn: topicArn,
        Message: message,
        ...(subject === undefined ? {} : { Subject: subject }),
      }).toString(),
    });
    if (answer.statusCode === 200) return;
    throw new ServiceError("NotFound", `${topicArn} refused a message: ${answer.body}`);
  }
}
