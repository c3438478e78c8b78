/**
 * The loopback addresses that stand for AWS hosts. Outputs keep their AWS form (`https://<id>.execute-api...`);
 * whoever follows one locally asks here.
 */
export class Hosts {
  readonly #addresses = new Map<string, string>();

  /**
   * `host` (as in an AWS URL) is served at `address` (`http://127.0.0.1:<port>`). Where several share a host, as
   * the user pools of a region do, `host` may go on with the first path segment: `<host>/<pool>`.
   */
  add(host: string, address: string): void {
    this.#addresses.set(host.toLowerCase(), address);
  }

  remove(host: string): void {
    this.#addresses.delete(host.toLowerCase());
  }

  /** The same URL on loopback; unchanged when its host is not one of ours. */
  resolve(url: string): string {
    if (!URL.canParse(url)) return url;
    const { host, pathname, search } = new URL(url);
    const segment = pathname.split("/")[1] ?? "";
    const address =
      this.#addresses.get(`${host}/${segment}`.toLowerCase()) ?? this.#addresses.get(host.toLowerCase());
    if (address === undefined) return url;
    const path = pathname === "/" && !url.endsWith("/") ? "" : pathname;
    return `${address}${path}${search}`;
  }

  /** AWS host -> loopback address, in the order they were added. */
  entries(): [string, string][] {
    return [...this.#addresses];
  }
}
