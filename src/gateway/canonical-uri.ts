/** Decoding more often than this is no spelling of a name but an attempt. */
const maxDecodings = 4;

/**
 * Returns every form in which a server may read a resource's URI: as written, as a URL parser writes it, and each of it
 * percent-decoded. A right has to fit all of them, because what the server makes of the URI is not known here.
 * Empty for what is no URI, climbs (`..`) or never stops decoding: no pattern fits that, only its very name.
 */
export function formsOfUri(uri: string): readonly string[] {
  const forms = new Set<string>();
  let form = uri;
  for (let decodings = 0; decodings <= maxDecodings; decodings += 1) {
    if (!URL.canParse(form) || climbs(form)) return [];
    forms.add(form).add(new URL(form).href);
    const decoded = decode(form);
    if (decoded === undefined) return [];
    if (decoded === form) return [...forms];
    form = decoded;
  }
  return [];
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/**
 * In `notes://a/../b` a URL parser climbs within the host `a`, and a server that takes all of it for a path does not; one
 * that takes what follows a semicolon for a parameter (RFC 3986 §3.3) climbs in `notes://a/..;x/b`.
 */
function climbs(form: string): boolean {
  return form.split(/[/\\?#:]/).some((segment) => /^\.\.?(;|$)/.test(segment));
}
