/** Decoding more often than this is no spelling of a name but an attempt. */
const maxDecodings = 4;

/**
 * Returns every form in which a server may read a resource's URI: as written, with `.` and `..` resolved, and each of it
 * percent-decoded. A right has to fit all of them, because what the server makes of the URI is not known here.
 * Empty for what is no URI or never stops decoding: no pattern fits that, only its very name.
 */
export function formsOfUri(uri: string): readonly string[] {
  const forms = new Set<string>();
  let form = uri;
  for (let decodings = 0; decodings <= maxDecodings; decodings += 1) {
    if (!URL.canParse(form)) return [];
    forms.add(form).add(new URL(form).href);
    const decoded = decode(form);
    if (decoded === undefined) return [];
    if (decoded === form) return [...forms].some(hasDots) ? [] : [...forms];
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

/** A path that is no hierarchy to a URL parser (`notes:a/../b`) may be one to the server. */
function hasDots(form: string): boolean {
  return new URL(form).href.split(/[/\\?#]/).some((segment) => segment === ".." || segment === ".");
}
