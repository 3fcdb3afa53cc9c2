// The token: it comes in the address after `#token=`, is kept for this tab only, and leaves the address bar at once.

const KEY = "tandem.token";
const FORM = /^[0-9a-f]{64}$/;

export function takeToken(): string | null {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given !== null) {
    history.replaceState(null, "", `${location.pathname}${location.search}`);
    return keepToken(given) ? given.trim() : null;
  }
  return sessionStorage.getItem(KEY);
}

/** Keeps `token` if it has the form of one. */
export function keepToken(token: string): boolean {
  if (!FORM.test(token.trim())) return false;
  sessionStorage.setItem(KEY, token.trim());
  return true;
}

export function forgetToken(): void {
  sessionStorage.removeItem(KEY);
}
