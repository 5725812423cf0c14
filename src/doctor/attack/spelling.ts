import type { Header } from "../../net/http-message.ts";
import type { Disguise } from "../probe/disguise.ts";

/** Some servers fold `_` into `-` (CGI, WSGI), and tailscaled removes its own headers in their usual spelling only. */
export function underscored([name, value]: Header): Header {
  return [name.replaceAll("-", "_"), value];
}

/** Returns the disguise with every header sent twice, which HTTP/2 clients may not do. */
export function doubled(disguise: Disguise): Disguise {
  return {
    ...disguise,
    label: `${disguise.label}, twice`,
    protocol: "h1",
    headers: disguise.headers.flatMap((header) => [header, header]),
  };
}

/** Returns the header as no program writes it. */
export function mixedCase([name, value]: Header): Header {
  const letters = Array.from(name, (letter, index) => (index % 2 === 0 ? letter.toLowerCase() : letter.toUpperCase()));
  return [letters.join(""), value];
}
