import type { Target } from "../shared/target.ts";

export interface Answer {
  status: number;
  headers: Headers;
  body: unknown;
}

/** Talks to a stack's API as any outside program would: a token from the issuer, then plain HTTP. */
export class ApiClient {
  readonly #target: Target;
  readonly #tokens = new Map<string, Promise<string>>();

  constructor(target: Target) {
    this.#target = target;
  }

  /**
   * A token with the given scopes, as the API names them; cached.
   * @throws {Error} with the issuer's own answer when it refuses.
   */
  token(...scopes: string[]): Promise<string> {
    const { outputs } = this.#target;
    const scope = scopes.map((name) => outputs.scopes[name] ?? name).join(" ");
    const cached = this.#tokens.get(scope) ?? this.#fetchToken(scope);
    this.#tokens.set(scope, cached);
    return cached;
  }

  get(path: string, token?: string): Promise<Answer> {
    return this.#call(path, { headers: authorization(token) });
  }

  post(path: string, body: unknown, token?: string, headers: Record<string, string> = {}): Promise<Answer> {
    return this.#call(path, {
      method: "POST",
      headers: { ...authorization(token), "content-type": "application/json", ...headers },
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
  }

  async #fetchToken(scope: string): Promise<string> {
    const { tokenEndpoint, clientId, clientSecret } = this.#target.outputs;
    const response = await fetch(this.#target.resolve(tokenEndpoint), {
      method: "POST",
      headers: { authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString("base64")}` },
      body: new URLSearchParams({ grant_type: "client_credentials", scope }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${tokenEndpoint} answered ${response.status}: ${text}`);
    return (JSON.parse(text) as { access_token: string }).access_token;
  }

  async #call(path: string, init: RequestInit): Promise<Answer> {
    const response = await fetch(`${this.#target.resolve(this.#target.outputs.apiUrl)}${path}`, init);
    const text = await response.text();
    const json = response.headers.get("content-type")?.includes("json");
    return { status: response.status, headers: response.headers, body: json ? JSON.parse(text) : text };
  }
}

const authorization = (token: string | undefined): Record<string, string> =>
  token === undefined ? {} : { authorization: `Bearer ${token}` };
