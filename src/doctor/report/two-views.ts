import type { CheckResult } from "../engine.ts";
import type { TargetReport } from "../run-doctor.ts";
import { type Markup, markup } from "./markup.ts";

/** More names than these make no page better. */
const maxNames = 60;

/** Returns what the tailnet sees and what the internet sees, side by side. */
export function twoViews({ tailnetUrl, publicUrl }: TargetReport, checks: readonly CheckResult[]): Markup {
  const inside = checks.find(({ id }) => id === "tailnet.tools");
  const outside = checks.find(({ id }) => id === "public.tools");
  const hole = checks.find(({ group, status }) => group === "separation" && status === "fail");
  return markup`<div class="views">
${view({ heading: "On the tailnet", url: tailnetUrl, check: inside })}
${view({ heading: "On the internet", url: publicUrl ?? "no public side", check: outside, hole })}
</div>`;
}

function view(options: {
  readonly heading: string;
  readonly url: string;
  readonly check: CheckResult | undefined;
  readonly hole?: CheckResult | undefined;
}): Markup {
  const { heading, url, check, hole } = options;
  const worst = hole ?? check;
  const names = namesIn(worst);
  const rest = names.length - maxNames;
  return markup`<section class="card"><h3>${heading}</h3>
<p class="soft"><code>${url}</code></p>
<p class="${worst?.status ?? "skip"}">${worst?.message ?? "not looked at"}</p>
${names.length === 0 ? [] : markup`<ul>${names.slice(0, maxNames).map((name) => markup`<li><code>${name}</code></li>`)}${rest > 0 ? markup`<li>and ${rest} more</li>` : []}</ul>`}
</section>`;
}

function namesIn(check: CheckResult | undefined): readonly string[] {
  const names = check?.facts.names;
  return Array.isArray(names) ? names.filter((name) => typeof name === "string") : [];
}
