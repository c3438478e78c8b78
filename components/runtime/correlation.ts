/**
 * Correlation: one id that follows a request through every hop.
 *
 * A caller may send its own in `x-correlation-id`; anything outside a narrow character set is replaced, so that the
 * id can be put into a header, a log line or an object key as it is.
 */

export const CORRELATION_HEADER = "x-correlation-id";

/** Characters that no log, header or object key has to escape; 128 is what a reading's own id may hold. */
const ACCEPTED = /^[A-Za-z0-9._:-]{1,128}$/;

/**
 * The caller's correlation id, or a new one when it sent none or an unacceptable one.
 *
 * @param headers lower-case header names, as API Gateway delivers them
 * @param generate source of a new id, passed in for tests
 */
export const correlationId = (
  headers: Readonly<Record<string, string | undefined>>,
  generate: () => string,
): string => {
  const sent = headers[CORRELATION_HEADER];
  return sent !== undefined && ACCEPTED.test(sent) ? sent : generate();
};
