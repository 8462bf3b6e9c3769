// What every answer tells browsers about how little may be done with it.

/** For everything but HTML. `nosniff` is the contract's; the policy matters when a browser is made to show an answer as a page. */
export const SECURITY: Readonly<Record<string, string>> = {
  "X-Content-Type-Options": "nosniff",
  "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
  "Referrer-Policy": "no-referrer",
  "Strict-Transport-Security": "max-age=31536000",
};

/** For our own pages: nothing inline, nothing from elsewhere. Swagger UI's style sheet and its logo hold `data:` images. */
export const PAGE_SECURITY: Readonly<Record<string, string>> = {
  ...SECURITY,
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "X-Frame-Options": "DENY",
};

const ENTRIES: readonly (readonly [string, string])[] = Object.entries(SECURITY);

/** Sets what an answer has not set itself: a page keeps its own policy. */
export function secure(headers: Headers): void {
  for (const [name, value] of ENTRIES) {
    if (!headers.has(name)) headers.set(name, value);
  }
}
