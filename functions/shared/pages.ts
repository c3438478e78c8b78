/** Page sizes of the API's lists. */
export const DEFAULT_PAGE = 100;
export const MAX_PAGE = 1000;
