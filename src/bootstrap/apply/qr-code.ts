import type { Log } from "../../core/log.ts";

/** A line of a code, in blocks or, where the locale has no UTF-8, in `#`; the narrowest code has 21 modules and a margin. */
const codeLine = /^[ #\u2580\u2584\u2588]{21,}$/;

/** Returns what prints the QR code in what `tailscale up --qr` says, and nothing else of it: the URL is told already. */
export function qrCodePrinter(log: Log): (text: string) => void {
  let rest = "";
  return (text) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines.filter((one) => codeLine.test(one))) log.info(line);
  };
}
