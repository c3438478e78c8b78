/** `https://sqs.<region>.amazonaws.com/`, before the account. */
const QUEUE_HOST = /https:\/\/sqs\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?(?=\/\d{12}\/)/g;

/**
 * A text with the loopback address in its queue URLs: they name their host, and the SDK sends there whatever endpoint it
 * has been given.
 */
export const withLocalQueues = (text: string, endpointUrl: string): string =>
  text.replace(QUEUE_HOST, endpointUrl);
