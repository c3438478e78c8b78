/** What breaks a rule on purpose. Each names one resource and says why; one that matches nothing is reported. */

export interface Suppression {
  rule: string;
  /** Logical name of the resource, in every stack. */
  resource: string;
  /** Why the rule does not apply there: a sentence that a reviewer can disagree with. */
  reason: string;
}

export const SUPPRESSIONS: readonly Suppression[] = [
  {
    rule: "route-authorized",
    resource: "api-get-health-route",
    reason:
      "Probes have no token. The route touches no data and answers with a constant, under the stage's throttle.",
  },
  {
    rule: "route-authorized",
    resource: "api-openapi-route",
    reason:
      "The API's description is meant for those who have no token yet. It is static, under the stage's throttle.",
  },
  {
    rule: "bucket-versioned",
    resource: "uploads-bucket",
    reason:
      "An upload is worked off once and expires within days; its thumbnails, in a versioned bucket, are what is kept.",
  },
  {
    rule: "bucket-versioned",
    resource: "lake-sql-results-bucket",
    reason:
      "A query's result is a copy that the query makes again, and expires within days; the lake itself is versioned.",
  },
];
