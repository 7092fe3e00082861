"""Rules for the analyses' drawings, beside those of the page.

The categories' colours are Okabe and Ito's (2008), which most colour-blind readers can tell apart, darker or
lighter as the page is. Marks differ in shape and lines in dashes as well.
"""

from vatt.report.analyses.palette import COLOURS, DARK, LIGHT

_NAMES = range(COLOURS)

STYLE = f"""
:root {{ {" ".join(f"--mark{n}: {LIGHT[n]};" for n in _NAMES)} }}
@media (prefers-color-scheme: dark) {{ :root {{ {" ".join(f"--mark{n}: {DARK[n]};" for n in _NAMES)} }} }}
@media print {{ :root {{ {" ".join(f"--mark{n}: {LIGHT[n]};" for n in _NAMES)} }} }}
{" ".join(f".m{n} {{ --mark: var(--mark{n}); }}" for n in _NAMES)}
.plots {{ display: grid; gap: 20px; margin: 14px 0;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 320px), 1fr)); }}
.plots figure {{ break-inside: avoid; }}
.fill {{ fill: var(--mark); }} .open {{ fill: none; stroke: var(--mark); stroke-width: 1.3; }}
.dot {{ stroke: var(--mark); stroke-width: 6; stroke-linecap: round; fill: none; }}
.marks {{ opacity: 0.82; }}
.plot-line {{ fill: none; stroke: var(--mark); stroke-width: 1.9; stroke-linejoin: round; }}
.plot-area {{ fill: var(--mark); opacity: 0.13; stroke: none; }}
.plot-whisker {{ stroke: var(--mark); stroke-width: 1.2; }}
.plot-guide {{ stroke: var(--quiet); stroke-dasharray: 3 3; }}
.heat img {{ display: block; width: 100%; image-rendering: pixelated; background: var(--card); }}
.heat {{ border: 1px solid var(--rule); }}
.heat-row {{ display: grid; grid-template-columns: 3.2em 1fr; gap: 2px 8px; margin: 10px 0 0; }}
.heat-layers {{ display: flex; flex-direction: column; justify-content: space-between; text-align: right;
  color: var(--quiet); font-size: 0.72rem; line-height: 1; padding: 2px 0; }}
.heat-key {{ display: flex; align-items: center; gap: 8px; color: var(--quiet); font-size: 0.8125rem;
  margin: 10px 0 4px; }}
.heat-key span.bar {{ flex: 0 1 220px; height: 12px; max-width: 220px; margin: 0;
  border: 1px solid var(--rule); }}
.clip {{ background: var(--card); border: 1px solid var(--rule); border-radius: 10px;
  padding: 12px 16px 14px; margin: 0 0 14px; break-inside: avoid; }}
.clip svg {{ display: block; width: 100%; height: auto; margin: 6px 0 0; }}
.clip text {{ fill: var(--quiet); font: 11px system-ui, sans-serif; }}
.sound rect {{ fill: var(--accent); }} .sound .track {{ fill: var(--track); }}
.words {{ display: flex; flex-wrap: wrap; gap: 4px 10px; align-items: flex-end; margin: 8px 0 0; }}
.words span {{ display: inline-block; text-align: center; font-size: 0.9rem; }}
.words i {{ display: block; background: var(--accent); margin: 0 auto 2px; width: 16px;
  border-radius: 2px 2px 0 0; }}
.finds {{ display: grid; grid-template-columns: 9em minmax(0, 1fr); gap: 10px 14px; margin: 10px 0 0; }}
.finds > b {{ font-size: 0.875rem; }}
.finds ol {{ list-style: none; display: grid; grid-template-columns: repeat(5, minmax(0, 1fr)); gap: 8px;
  margin: 0; padding: 0; }}
.finds li {{ border: 2px solid; border-radius: 7px; overflow: hidden; background: var(--page);
  display: flex; flex-direction: column; justify-content: space-between; font-size: 0.8125rem; }}
.finds li.right {{ border-color: var(--right); }}
.finds li.wrong {{ border-color: var(--wrong); border-style: dashed; }}
.finds img {{ display: block; width: 100%; height: auto; }} .finds q {{ padding: 5px 8px; line-height: 1.3; }}
.finds .waveform {{ width: 100%; margin: 6px 0; }} .finds .under {{ padding: 2px 8px; }}
.asking {{ display: flex; flex-wrap: wrap; gap: 6px 16px; align-items: center; margin: 6px 0 0; }}
.asking img {{ display: block; width: 340px; max-width: 100%; }}
.asking .waveform {{ width: 240px; height: 40px; margin: 0; }}
@media screen and (max-width: 760px) {{
  .finds {{ grid-template-columns: 1fr; }} .finds ol {{ grid-template-columns: 1fr 1fr; }}
}}
"""
