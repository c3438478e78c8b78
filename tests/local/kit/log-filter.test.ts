import { expect } from "chai";
import { compileLogFilter } from "../../../local/kit/log-filter.ts";

/** The messages that a pattern lets pass. */
const passing = (pattern: string, messages: string[]): string[] => messages.filter(compileLogFilter(pattern));

const refusal = (pattern: string): string => {
  try {
    compileLogFilter(pattern);
    return "accepted";
  } catch (error) {
    return (error as Error).message;
  }
};

/** Examples of https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html throughout. */
describe("log filter patterns", () => {
  describe("of terms", () => {
    const bad = "[ERROR 400] BAD REQUEST";
    const unauthorized = "[ERROR 401] UNAUTHORIZED REQUEST";
    const missing = "[ERROR 419] MISSING ARGUMENTS";
    const invalid = "[ERROR 420] INVALID ARGUMENTS";
    const all = [bad, unauthorized, missing, invalid, "[INFO] REQUEST FAILED", "started"];

    for (const [pattern, expected] of [
      ["ERROR", [bad, unauthorized, missing, invalid]],
      ["error", []],
      ["ERROR ARGUMENTS", [missing, invalid]],
      ["?ERROR ?FAILED", [bad, unauthorized, missing, invalid, "[INFO] REQUEST FAILED"]],
      ["?ERROR ?ARGUMENTS REQUEST", [bad, unauthorized, "[INFO] REQUEST FAILED"]],
      ['"BAD REQUEST"', [bad]],
      ["ERROR -ARGUMENTS", [bad, unauthorized]],
      ['ERROR -"BAD REQUEST" -INVALID', [unauthorized, missing]],
      ["%4[0-9]{2}%", [bad, unauthorized, missing, invalid]],
      ["%ED$%", ["[INFO] REQUEST FAILED"]],
      ['" "', all],
      ["", all],
    ] as [string, string[]][]) {
      it(`${JSON.stringify(pattern)} lets ${expected.length} of ${all.length} pass`, () => {
        expect(passing(pattern, all)).to.deep.equal(expected);
      });
    }

    it("finds a term inside a longer word, as AWS does", () => {
      expect(passing("ERROR Exception", ["[ERROR] Caught IllegalArgumentException"])).to.have.length(1);
    });
  });

  describe("of JSON", () => {
    const event = JSON.stringify({
      eventType: "UpdateTrail",
      sourceIPAddress: "111.111.111.111",
      arrayKey: ["value", "another value"],
      objectList: [
        { name: "a", id: 1 },
        { name: "b", id: 2 },
      ],
      SomeObject: null,
      ThisFlag: true,
      "cluster.name": "c",
      latency: 50.5,
      errorCode: 400,
      text: "400",
      number: [1000, 0.001],
    });

    for (const pattern of [
      '{ $.eventType = "UpdateTrail" }',
      "{ $.eventType = UpdateTrail }",
      "{$.eventType=Update*}",
      "{ $.eventType = *Trail }",
      "{ $.eventType = *teTr* }",
      "{ $.eventType = * }",
      "{ $.eventType = %Trail% }",
      "{ $.eventType != NoTrail }",
      "{ $.sourceIPAddress != 123.123.* }",
      '{ $.arrayKey[0] = "value" }',
      "{ $.arrayKey[*] = %val.{2}% }",
      String.raw`{ $.* = %111\.111\.111\.1[0-9]{1,2}% }`,
      "{ $.objectList[1].id = 2 }",
      "{ $.objectList[*].id = 2 }",
      "{ $.SomeObject IS NULL }",
      "{ $.ThisFlag IS TRUE }",
      "{ $.SomeOtherObject NOT EXISTS }",
      "{ $.['cluster.name'] = \"c\" }",
      "{ $.latency > 50 }",
      "{ $.latency >= 50.5 }",
      "{ $.errorCode = 400}",
      "{ $.errorCode = 4* }",
      '{ $.errorCode = "400" }',
      "{ $.text = 400 }",
      "{ $.errorCode != 500 }",
      "{ $.number[0] = 1e+3 }",
      "{ $.number[1] = 1e-3 }",
      "{ $.latency > +10 && $.latency < 51 }",
      '{ ($.eventType = "UpdateTrail") && ($.arrayKey[1] = "another value") }',
      "{ $.eventType = UpdateTrail || $.errorCode = 1 && $.errorCode = 2 }",
    ]) {
      it(`${pattern} matches AWS's example`, () => {
        expect(passing(pattern, [event])).to.have.length(1);
      });
    }

    for (const pattern of [
      "{ $.eventType = updatetrail }",
      "{ $.eventType = Up*Trail }",
      "{ $.eventType > 5 }",
      "{ $.text > 5 }",
      "{ $.arrayKey = 1 }",
      "{ $.arrayKey != 1 }",
      "{ $.eventType[0] = U }",
      "{ $.arrayKey[2] = * }",
      "{ $.missing != 5 }",
      "{ $.missing IS NULL }",
      "{ $.ThisFlag = true }",
      "{ $.ThisFlag IS FALSE }",
      "{ $.SomeObject NOT EXISTS }",
      "{ $.constructor.name = Object }",
      "{ ($.eventType = UpdateTrail || $.errorCode = 1) && $.errorCode = 2 }",
    ]) {
      it(`${pattern} does not`, () => {
        expect(passing(pattern, [event])).to.have.length(0);
      });
    }

    it("keeps AWS's order of operations on its example of compound expressions", () => {
      const object = JSON.stringify({
        user: { id: 1, email: "John.Stiles@example.com" },
        users: [
          { id: 2, email: "John.Doe@example.com" },
          { id: 3, email: "Jane.Doe@example.com" },
        ],
        actions: ["GET", "PUT", "DELETE"],
        coordinates: [
          [0, 1, 2],
          [4, 5, 6],
          [7, 8, 9],
        ],
      });
      const matches = (pattern: string): boolean => compileLogFilter(pattern)(object);
      expect(matches('{ ($.user.id = 1) && ($.users[0].email = "John.Doe@example.com") }')).to.equal(true);
      const email = '$.user.email = "John.Stiles@example.com"';
      const others = ['$.coordinates[0][1] = "nonmatch"', '$.actions[2] = "nonmatch"'];
      expect(matches(`{ ${email} || ${others[0]} && ${others[1]} }`)).to.equal(true);
      expect(matches(`{ (${email} || ${others[0]}) && ${others[1]} }`)).to.equal(false);
      expect(
        matches('{ ($.user.id = 2 && $.users[0].email = "nonmatch") || $.actions[2] = "GET" }'),
      ).to.equal(false);
    });

    it("passes over what is no JSON object", () => {
      expect(passing("{ $.a NOT EXISTS }", ["text", "{", "[1]", "null", "", "{}"])).to.deep.equal(["{}"]);
    });
  });

  describe("of fields", () => {
    const request = '127.0.0.1 Prod frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534';

    for (const pattern of [
      String.raw`[ip=%127\.0\.0\.[1-9]%, user, username, timestamp, request =*.html*, status_code = 4*, bytes]`,
      "[..., request =*.html*, status_code = 4*, bytes]",
      "[ip, user, username, timestamp, request =*.html*, status_code = 404 || status_code = 410, bytes]",
      "[ip, user, ..., status_code, bytes]",
      "[ip, user, ...]",
      "[..., request=*.html*, status_code=4*,]",
      "[ip, user, username, timestamp, request, status_code, bytes > 1000]",
      "[ip, user, username, timestamp, request, status_code = 4* && status_code != 403, bytes]",
      '[ip, user, username, timestamp = "10/Oct/2000:13:25:15 -0700", ...]',
      "[ip = 127.0.0.1, rest]",
    ]) {
      it(`${pattern} matches AWS's example`, () => {
        expect(passing(pattern, [request])).to.have.length(1);
      });
    }

    for (const pattern of [
      "[ip, user, username, timestamp, request, status_code, bytes > 2000]",
      "[ip, user, username, timestamp, request, status_code = 5*, bytes]",
      "[ip, user, username, timestamp, request, status_code, bytes, more]",
      "[..., status_code = 404]",
    ]) {
      it(`${pattern} does not`, () => {
        expect(passing(pattern, [request])).to.have.length(0);
      });
    }

    const lines = [
      "INFO 09/25/2014 12:00:00 GET /service/resource/67 1200",
      "INFO 09/25/2014 12:00:01 POST /service/resource/67/part/111 1310",
      "WARNING 09/25/2014 12:00:02 Invalid user request",
      "ERROR 09/25/2014 12:00:02 Failed to process request",
    ];

    for (const [pattern, expected] of [
      ["[w1=ERROR, w2]", [3]],
      ["[w1=ERROR || w1=WARNING, w2]", [2, 3]],
      ["[w1!=ERROR && w1!=WARNING, w2]", [0, 1]],
      ["[logLevel, date, time, method, url=%/service/resource/[0-9]+$%, response_time]", [0]],
      ["[logLevel, date, time, method, url=%/service/resource/[0-9]+/part/[0-9]+$%, response_time]", [1]],
    ] as [string, number[]][]) {
      it(`${pattern} finds AWS's lines ${expected.map((index) => index + 1)}`, () => {
        expect(passing(pattern, lines)).to.deep.equal(expected.map((index) => lines[index]));
      });
    }
  });

  describe("are refused, with the pattern, when", () => {
    for (const [pattern, reason] of [
      ["ERROR-1", /"ERROR-1".*double quotes/],
      ['"open', /cannot be read/],
      ["{ $.a = 1", /must end in }/],
      ["{}", /a name must be/],
      ["{ a = 1 }", /must start with "\$\."/],
      ["{ $ = 1 }", /must start with/],
      ["{ $.a }", /a comparison/],
      ["{ $.a = }", /a value must be/],
      ["{ $.a = 1 $.b = 2 }", /&&, \|\| or the end/],
      ["{ ($.a = 1 }", /not closed/],
      ["{ $.a > word }", /a number without quotes/],
      ['{ $.a > "5" }', /a number without quotes/],
      ["{ $.a EXISTS }", /NULL, TRUE, FALSE or EXISTS/],
      ["{ $.a IS NOT }", /"IS NOT" is not known/],
      ["{ $.a = /x }", /double quotes/],
      ["{ $.*.b[*] = 1 }", /several wildcards/],
      ["{ $.a[*] = 1 || $.b[*] = 1 || $.c[*] = 1 || $.d[*] = 1 }", /4 wildcard selectors; AWS takes 3/],
      ["{ $.a = %a% || $.b = %b% || $.c = %c% }", /3 regular expressions; AWS takes 2/],
      ["%a(b)c%", /does not take/],
      ["%a[%", /no regular expression/],
      ["[a, ..., b, ...]", /several ellipses/],
      ["[a = 1 && b = 2, b]", /one field at a time/],
      ["a".repeat(1_025), /1025 characters; AWS takes 1024/],
    ] as [string, RegExp][]) {
      it(JSON.stringify(pattern.slice(0, 60)), () => {
        expect(refusal(pattern)).to.match(reason);
      });
    }
  });

  // Not proven here: AWS's own verdict on patterns that its documentation does not show.
});
