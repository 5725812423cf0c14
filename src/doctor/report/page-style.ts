/** The page's whole style; no font, picture or script is fetched. */
export const pageStyle = `
:root { color-scheme: light dark; --text: #1a1d21; --soft: #5a6270; --ground: #ffffff; --card: #f5f6f8; --line: #d5d9e0;
  --pass: #1a7f37; --warn: #8a5a00; --fail: #c01c28; --unknown: #6639ba; --skip: #5a6270; }
@media (prefers-color-scheme: dark) { :root { --text: #e6e8eb; --soft: #9aa4b2; --ground: #14171a; --card: #1d2126;
  --line: #363c45; --pass: #4ac26b; --warn: #e0a83a; --fail: #ff7b72; --unknown: #bc8cff; --skip: #9aa4b2; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text); font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
main { max-width: 62rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .25rem; }
h2 { font-size: 1.2rem; margin: 2rem 0 .75rem; }
h3 { font-size: 1rem; margin: 0 0 .25rem; }
p { margin: .25rem 0; }
figure { margin: 0 0 1rem; } figcaption { margin-top: .5rem; }
.soft { color: var(--soft); }
.pass { color: var(--pass); } .warn { color: var(--warn); } .fail { color: var(--fail); }
.unknown { color: var(--unknown); } .skip { color: var(--skip); }
.badge { display: inline-block; font-weight: 600; border: 2px solid currentColor; border-radius: .4rem; padding: 0 .5rem; }
.views { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 18rem), 1fr)); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: 1rem; min-width: 0; }
.card ul { margin: .5rem 0 0; padding-left: 1.2rem; }
.finding { border-left: .3rem solid currentColor; margin-bottom: 1rem; }
.finding > * { color: var(--text); }
.finding h3 span { font-weight: 400; }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .25rem .75rem; margin: .5rem 0 0; }
dt { color: var(--soft); } dd { margin: 0; min-width: 0; }
code, pre { font: .875rem/1.45 ui-monospace, monospace; }
pre { margin: 0; white-space: pre-wrap; }
table { width: 100%; border-collapse: collapse; font-size: .9375rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem .5rem .35rem 0; border-top: 1px solid var(--line); }
summary { cursor: pointer; font-weight: 600; padding: .35rem 0; }
svg { display: block; width: 100%; height: auto; }
svg text { font: 600 14px system-ui, sans-serif; fill: var(--text); }
svg .state { font-weight: 400; font-size: 13px; fill: currentColor; }
svg .hop rect { fill: var(--card); stroke: currentColor; stroke-width: 2; }
svg .way { fill: none; stroke: currentColor; stroke-width: 3; }
svg .way.cut { stroke-dasharray: 3 6; }
svg .mark { fill: none; stroke: currentColor; stroke-width: 4; stroke-linecap: round; }
.tall { display: none; }
@media (max-width: 40rem) { .wide { display: none; } .tall { display: block; max-width: 24rem; }
  th:nth-child(1), td:nth-child(1) { width: 45%; } }
@media print { :root { --text: #000; --soft: #333; --ground: #fff; --card: #fff; } main { max-width: none; padding: 0; }
  .card { break-inside: avoid; } details::details-content { content-visibility: visible; display: block; } }
`;
