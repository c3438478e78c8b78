/**
 * A certificate for 127.0.0.1 that is its own authority, since Node reads X.509 and does not write it. Whoever is
 * given it as a CA (NODE_EXTRA_CA_CERTS) trusts this one key and nothing else. Structures: RFC 5280.
 */
import { createPrivateKey, generateKeyPairSync, randomBytes, sign } from "node:crypto";

export interface Certificate {
  /** PEM. */
  cert: string;
  /** PEM. */
  key: string;
}

const DAY = 86_400_000;
const LIFETIME_DAYS = 365;

const der = (tag: number, ...parts: Buffer[]): Buffer => {
  const body = Buffer.concat(parts);
  const length = body.length < 128 ? [body.length] : [0x82, body.length >> 8, body.length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
};
const sequence = (...parts: Buffer[]): Buffer => der(0x30, ...parts);
const octets = (body: Buffer): Buffer => der(0x04, body);
const bits = (body: Buffer): Buffer => der(0x03, Buffer.from([0]), body);
const oid = (hex: string): Buffer => der(0x06, Buffer.from(hex, "hex"));
const TRUE = der(0x01, Buffer.from([0xff]));

const ECDSA_WITH_SHA256 = sequence(oid("2a8648ce3d040302"));
const COMMON_NAME = oid("550403");
const BASIC_CONSTRAINTS = oid("551d13");
const SUBJECT_ALT_NAME = oid("551d11");
const LOOPBACK = Buffer.from([127, 0, 0, 1]);

/** GeneralizedTime, `20260131120000Z`. */
const time = (ms: number): Buffer =>
  der(0x18, Buffer.from(`${new Date(ms).toISOString().replace(/[-:T]|\.\d+Z/g, "")}Z`));

/** @param now milliseconds since the epoch; the certificate is good from a day before on, for a year */
export function loopbackCertificate(now: number): Certificate {
  const { publicKey, privateKey } = generateKeyPairSync("ec", {
    namedCurve: "P-256",
    publicKeyEncoding: { type: "spki", format: "der" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  const name = sequence(der(0x31, sequence(COMMON_NAME, der(0x0c, Buffer.from("Local cache")))));
  const serial = Buffer.concat([Buffer.from([1]), randomBytes(15)]);
  const extensions = sequence(
    sequence(BASIC_CONSTRAINTS, TRUE, octets(sequence(TRUE))),
    sequence(SUBJECT_ALT_NAME, octets(sequence(der(0x87, LOOPBACK)))),
  );
  const content = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, serial),
    ECDSA_WITH_SHA256,
    name,
    sequence(time(now - DAY), time(now + LIFETIME_DAYS * DAY)),
    name,
    publicKey,
    der(0xa3, extensions),
  );
  const signature = sign("sha256", content, createPrivateKey(privateKey));
  const text = sequence(content, ECDSA_WITH_SHA256, bits(signature)).toString("base64");
  const lines = text.match(/.{1,64}/g) ?? [];
  const cert = ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n");
  return { cert, key: privateKey };
}
