/**
 * The loopback addresses that stand for AWS hosts. Outputs keep their AWS form (`https://<id>.execute-api...`);
 * whoever follows one locally asks here.
 */
export class Hosts {
  /** By lower-cased host: as it is written, and its address. */
  readonly #addresses = new Map<string, { host: string; address: string }>();

  /**
   * `host` (as in an AWS URL) is served at `address` (`http://127.0.0.1:<port>`). Where several share a host, as
   * the user pools of a region do, `host` may go on with the first path segment: `<host>/<pool>`.
   */
  add(host: string, address: string): void {
    this.#addresses.set(host.toLowerCase(), { host, address });
  }

  remove(host: string): void {
    this.#addresses.delete(host.toLowerCase());
  }

  /** The same URL on loopback; unchanged when its host is not one of ours. */
  resolve(url: string): string {
    if (!URL.canParse(url)) return url;
    const { host, pathname, search } = new URL(url);
    const segment = pathname.split("/")[1] ?? "";
    const found =
      this.#addresses.get(`${host}/${segment}`.toLowerCase()) ?? this.#addresses.get(host.toLowerCase());
    if (found === undefined) return url;
    const path = pathname === "/" && !url.endsWith("/") ? "" : pathname;
    return `${found.address}${path}${search}`;
  }

  /** AWS host as it is written -> loopback address, in the order they were added. */
  entries(): [string, string][] {
    return [...this.#addresses.values()].map(({ host, address }) => [host, address]);
  }
}
