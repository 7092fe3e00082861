"""The style sheet of the report: light or dark by the reader's setting, narrow on a phone, plain on paper."""

STYLE = """
:root {
  color-scheme: light dark;
  --page: #fbfbfa; --card: #ffffff; --ink: #1d2126; --quiet: #666d76; --rule: #e1e3e6; --track: #e9ebee;
  --accent: #1f5fbf; --right: #137a44; --wrong: #b3261e; --right-soft: #e6f4ec; --wrong-soft: #fbeceb;
  --colour0: #1d2126; --colour1: #1f6fd1; --colour2: #b35300; --colour3: #0f8a5f; --colour4: #7a4fd0;
  --colour5: #b0307a; --alarm: #a85f00; --alarm-soft: #fdf3e3;
}
@media (prefers-color-scheme: dark) { :root {
  --page: #14171b; --card: #1b1f24; --ink: #e8eaed; --quiet: #9aa3ad; --rule: #2e343b; --track: #2b3138;
  --accent: #74a9f5; --right: #58c98b; --wrong: #f2877f; --right-soft: #16301f; --wrong-soft: #3a1d1b;
  --colour0: #e8eaed; --colour1: #74a9f5; --colour2: #f2a65a; --colour3: #58c9a0; --colour4: #b79bf2;
  --colour5: #f08bbd; --alarm: #f0b35c; --alarm-soft: #33270f;
} }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 40px 24px 72px; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 4px; letter-spacing: -0.01em; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 52px 0 4px; }
h3 { font-size: 1rem; margin: 28px 0 10px; } h4 { font-size: 0.9375rem; margin: 20px 0 8px; }
p { margin: 6px 0; max-width: 72ch; }
small, .note, .unit, .quiet { color: var(--quiet); font-size: 0.8125rem; }
.note { max-width: 88ch; }
.overline { color: var(--quiet); font-size: 0.8125rem; letter-spacing: 0.06em; text-transform: uppercase;
  margin: 0; }
.summary { font-size: 1.2rem; line-height: 1.45; margin: 18px 0; }
.summary p { max-width: 60ch; margin: 2px 0; }
.contents { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 18px 0 0; font-size: 0.875rem; }
a { color: var(--accent); text-decoration: none; } a:hover { text-decoration: underline; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); margin: 22px 0 0;
  background: var(--card); border: 1px solid var(--rule); border-radius: 10px; overflow: hidden; }
.facts div { box-shadow: 0 0 0 0.5px var(--rule); padding: 11px 14px; }
.facts dt { color: var(--quiet); font-size: 0.8125rem; }
.facts dd { margin: 0; font-weight: 600; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.code { font: 0.75rem/1.5 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }

table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
.figures { margin: 14px 0 6px; }
.figures th, .figures td { text-align: left; vertical-align: top; padding: 8px 14px 8px 0;
  border-bottom: 1px solid var(--rule); font-weight: 400; }
.figures thead th { color: var(--quiet); font-size: 0.8125rem; padding: 6px 14px 6px 0; }
.figures small { display: block; line-height: 1.35; white-space: nowrap; }
.direction { font-weight: 600; white-space: nowrap; }
.tag { display: inline-block; margin-left: 8px; padding: 0 7px; border: 1px solid var(--rule);
  border-radius: 9px;
  color: var(--quiet); font-size: 0.75rem; }
.bar { display: block; width: 100%; min-width: 84px; max-width: 170px; height: 12px; margin: 3px 0 4px; }
.bar .track { fill: var(--track); } .bar .fill { fill: var(--accent); }
.bar line { vector-effect: non-scaling-stroke; }
.bar .whisker { stroke: var(--ink); stroke-width: 1.5; } .bar .chance { stroke: var(--wrong);
  stroke-width: 2; }
.numbers th, .numbers td { padding: 3px 16px 3px 0; font-weight: 400; font-size: 0.8125rem; text-align: left;
  border-bottom: 1px solid var(--rule); overflow-wrap: anywhere; }
.numbers td { text-align: right; white-space: nowrap; }

.curves { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 420px), 1fr)); gap: 20px;
  margin: 14px 0; }
figure { margin: 0; padding: 14px 16px 8px; background: var(--card); border: 1px solid var(--rule);
  border-radius: 10px; }
figcaption { display: flex; flex-wrap: wrap; align-items: baseline; column-gap: 14px; }
.legends { display: flex; flex-wrap: wrap; column-gap: 14px; }
.legend { font-size: 0.8125rem; white-space: nowrap; } .legend svg { vertical-align: middle; }
.chart { display: block; width: 100%; height: auto; }
.chart text { fill: var(--quiet); font: 11.5px system-ui, sans-serif; font-variant-numeric: tabular-nums; }
.grid { stroke: var(--rule); } .axis { stroke: var(--quiet); }
.line { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
.band { opacity: 0.16; stroke: none; }
.line.colour0 { stroke: var(--colour0); } .line.colour1 { stroke: var(--colour1); }
.line.colour2 { stroke: var(--colour2); } .line.colour3 { stroke: var(--colour3); }
.line.colour4 { stroke: var(--colour4); } .line.colour5 { stroke: var(--colour5); }
.band.colour0, .dot.colour0 { fill: var(--colour0); } .band.colour1, .dot.colour1 { fill: var(--colour1); }
.band.colour2, .dot.colour2 { fill: var(--colour2); } .band.colour3, .dot.colour3 { fill: var(--colour3); }
.band.colour4, .dot.colour4 { fill: var(--colour4); } .band.colour5, .dot.colour5 { fill: var(--colour5); }
.alarm-line { stroke: var(--alarm); stroke-width: 0.8; stroke-dasharray: 2 3; }
.alarm-sign { fill: var(--alarm); }
.catch { fill: transparent; } .shown { visibility: hidden; } line.shown { stroke: var(--quiet);
  stroke-dasharray: 2 2; }
.probe:hover .shown { visibility: visible; } .chart text.shown { fill: var(--ink); }

.cards { display: grid; gap: 14px; }
.card { background: var(--card); border: 1px solid var(--rule); border-radius: 10px; padding: 12px 16px 14px;
  }
.card header { display: flex; flex-wrap: wrap; gap: 4px 16px; justify-content: space-between;
  align-items: center; }
.asked { display: flex; flex-wrap: wrap; align-items: center; gap: 4px 14px; min-width: 0; }
.caption { font-weight: 600; overflow-wrap: anywhere; }
.verdict { font-size: 0.8125rem; font-weight: 600; padding: 1px 10px; border-radius: 10px;
  white-space: nowrap; }
.verdict.right { color: var(--right); background: var(--right-soft); }
.verdict.wrong { color: var(--wrong); background: var(--wrong-soft); }
.card ol { list-style: none; display: grid; grid-template-columns: repeat(5, minmax(0, 1fr)); gap: 10px;
  margin: 8px 0 0; padding: 0; }
.card li { border: 2px solid; border-radius: 7px; overflow: hidden; background: var(--page); }
.card li.right { border-color: var(--right); } .card li.wrong { border-color: var(--wrong);
  border-style: dashed; }
.card img { display: block; width: 100%; height: auto; }
.absent { padding: 14px; color: var(--quiet); font-size: 0.8125rem; text-align: center; }
.under { display: flex; gap: 7px; padding: 3px 8px; font-size: 0.78rem; font-variant-numeric: tabular-nums; }
.under b { white-space: nowrap; } .right .under b { color: var(--right); }
.wrong .under b { color: var(--wrong); }
.under i { margin-left: auto; font-style: normal; color: var(--quiet); }
.name { line-height: 1.35; overflow-wrap: break-word; min-width: 0; }
.waveform { width: 190px; height: 32px; } .waveform rect { fill: var(--accent); }

.events { list-style: none; margin: 12px 0; padding: 0; display: grid; gap: 8px; }
.events li { border-left: 4px solid var(--alarm); background: var(--alarm-soft); border-radius: 6px;
  padding: 8px 14px; overflow-wrap: anywhere; font-size: 0.9375rem; }
.events b { color: var(--alarm); white-space: nowrap; } .events .tag { margin-right: 8px; }
.warning { border: 1px solid var(--alarm); background: var(--alarm-soft); border-radius: 10px;
  padding: 12px 16px; margin: 14px 0; }
.warning > b { color: var(--alarm); } .sound { color: var(--right); font-weight: 600; }
.lost { color: var(--wrong); }
.card-lines, .pairs { margin: 8px 0; table-layout: fixed; }
.card-lines th, .card-lines td, .pairs th, .pairs td { padding: 4px 14px 4px 0; font-weight: 400;
  font-size: 0.8125rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--rule);
  overflow-wrap: anywhere; }
.card-lines th, .pairs tbody th { color: var(--quiet); } .card-lines th { width: 32%; }

details { border-top: 1px solid var(--rule); padding: 10px 0; }
details:last-of-type { border-bottom: 1px solid var(--rule); }
summary { cursor: pointer; font-weight: 600; }
pre { overflow-x: auto; margin: 10px 0; padding: 12px 14px; background: var(--card);
  border: 1px solid var(--rule);
  border-radius: 8px;
    font: 0.8125rem/1.5 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
dl.reading { margin: 12px 0; } .reading dt { font-weight: 600; margin-top: 10px; } .reading dd { margin: 0;
  max-width: 72ch; }

@media screen and (max-width: 760px) {
  .pairs tr { display: grid; grid-template-columns: 1fr 1fr; gap: 0 14px; padding: 6px 0;
    border-bottom: 1px solid var(--rule); } .pairs th, .pairs td { border: 0; padding: 0; }
  .pairs th:first-child { grid-column: 1 / -1; }
  main { padding: 24px 16px 48px; }
  .summary { font-size: 1.08rem; }
  .figures thead { display: none; }
  .figures tr { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 6px 14px;
    padding: 12px 0;
    border-bottom: 1px solid var(--rule); }
  .figures th, .figures td { display: block; border: 0; padding: 0; }
  .figures th { grid-column: 1 / -1; } .figures td:nth-child(2) { grid-column: 1 / -1; font-size: 0.8125rem; }
  .figures td:nth-child(2) * { display: inline; } .figures td:nth-child(2)::before { display: inline; }
  .figures td:nth-child(2) small::before { content: " · "; }
  .figures td::before { content: attr(data-head) " "; display: block; color: var(--quiet);
    font-size: 0.8125rem; }
  .bar { max-width: none; }
  .chart text { font-size: 15px; }
  .card ol { grid-template-columns: 1fr 1fr; } .card li:first-child { grid-column: 1 / -1; }
}
@media print {
  :root { color-scheme: light; --page: #fff; --card: #fff; --ink: #000; --quiet: #444; --rule: #bbb;
    --track: #ddd;
    --accent: #1f5fbf; --right: #137a44; --wrong: #b3261e; --right-soft: #fff; --wrong-soft: #fff;
    --colour0: #000; --colour1: #1f6fd1; --colour2: #b35300; --colour3: #0f8a5f; --colour4: #7a4fd0;
    --colour5: #b0307a; --alarm: #a85f00; --alarm-soft: #fff; }
  body { font-size: 10pt; } main { max-width: none; padding: 0; }
  figure, .card, .figures tr { break-inside: avoid; } h2, h3 { break-after: avoid; }
  h2 { margin-top: 28px; } pre { white-space: pre-wrap; overflow-wrap: anywhere; }
  .curves { grid-template-columns: 1fr 1fr; gap: 10px; } .bar { min-width: 50px; }
  .contents { display: none; }
  details.on-paper::details-content { content-visibility: visible; block-size: auto; }
  .figures th, .figures td { padding: 5px 10px 5px 0; } .card { padding: 8px 10px; } .cards { gap: 8px; }
  .under { padding: 2px 4px; gap: 4px; font-size: 0.68rem; } .card ol { gap: 5px; }
}
"""
