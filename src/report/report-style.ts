/** The style sheet of a report, for light and dark screens; charts take their colours from its variables. */
export const reportStyle = `
:root { color-scheme: light dark; --ink: #1c2430; --quiet: #5c6675; --grid: #e4e8ee; --paper: #fbfbfa; --card: #fff; --line: #e1e4e8;
  --alarm: #8a3b00; --alarm-paper: #fff3e0; --series-1: #1b6ca8; --series-2: #c75b12; --series-3: #2a8060; --series-4: #7b52ab;
  --series-5: #a83e5c; --pale-1: #b9c2ce; --pale-2: #8fb8d8; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ee; --quiet: #9aa5b4; --grid: #2c333d; --paper: #14181d; --card: #1b2027;
  --line: #2c333d; --alarm: #ffb46b; --alarm-paper: #33240f; --series-1: #5fb0e8; --series-2: #f29a55; --series-3: #5cc49a;
  --series-4: #b795e6; --series-5: #ea8ba6; --pale-1: #4d5866; --pale-2: #35688f; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main { max-width: 1040px; margin: 0 auto; padding: 40px 24px 80px; }
h1 { font-size: 30px; line-height: 1.2; margin: 0 0 12px; letter-spacing: -0.01em; overflow-wrap: anywhere; }
h2 { font-size: 19px; margin: 48px 0 8px; }
p { max-width: 76ch; margin: 0 0 16px; color: var(--quiet); }
pre, td { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: 13px; }
pre { margin: 0; padding: 12px 14px; background: var(--card); border: 1px solid var(--line); border-radius: 8px; white-space: pre-wrap; overflow-wrap: anywhere; }
dl { display: flex; flex-wrap: wrap; gap: 16px 36px; margin: 20px 0 0; }
dt { color: var(--quiet); font-size: 13px; }
dd { margin: 0; font-size: 17px; font-variant-numeric: tabular-nums; }
.warning { max-width: none; margin: 20px 0 0; padding: 12px 16px; border-left: 4px solid var(--alarm); border-radius: 4px; background: var(--alarm-paper); color: var(--alarm); }
.warning + .warning { margin-top: 8px; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 400px), 1fr)); gap: 16px; }
figure { margin: 0; padding: 14px 16px 8px; background: var(--card); border: 1px solid var(--line); border-radius: 8px; min-width: 0; }
figcaption { color: var(--quiet); font-size: 13px; margin-bottom: 6px; }
figcaption b { color: var(--ink); font-size: 14px; font-weight: 600; margin-right: 6px; }
svg { display: block; width: 100%; max-width: 560px; height: auto; }
.picture { margin: 0 0 16px; padding: 0; overflow: hidden; }
.picture img { display: block; width: 100%; height: auto; }
.picture svg { max-width: none; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 22px; margin: 0 0 12px; color: var(--quiet); font-size: 13px; }
.legend i { display: inline-block; width: 26px; margin-right: 8px; vertical-align: middle; }
.picture figcaption { margin: 0; padding: 10px 16px; }
.table { overflow-x: auto; margin-top: 16px; }
.table + .figures { margin-top: 20px; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 600; font-size: 13px; color: var(--quiet); }
th, td { padding: 5px 28px 5px 0; border-bottom: 1px solid var(--line); vertical-align: top; white-space: nowrap; }
td:nth-child(2):last-child { white-space: normal; overflow-wrap: anywhere; }
@media print { main { max-width: none; } section, figure { break-inside: avoid; } }
`;
