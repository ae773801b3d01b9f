/** The page's own version: the server's side must have the same. */
export const VERSION = '0.1.0';
