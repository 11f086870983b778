"""The looks of the diagram: two sets of colours, and one hue for each endpoint that arrows come from."""

from __future__ import annotations

LIGHT = """
    #2563eb #c2410c #0f766e #9333ea #a16207 #be185d #15803d #0284c7 #b91c1c #5b7a0c #4f46e5 #64748b #c026d3 #78350f
""".split()
DARK = """
    #7aa7ff #fb923c #2dd4bf #c792f5 #eab308 #f472b6 #4ade80 #38bdf8 #f87171 #a3e635 #a5a0ff #a8b5c7 #e879f9 #d6a77a
""".split()
HUES = len(LIGHT)


def _hues(colours: list[str]) -> str:
    return "".join(f".h{number}{{--hue:{colour}}}" for number, colour in enumerate(colours))


DARK_RULES = (
    "svg{--page:#12161c;--panel:#1a2029;--part:#161b22;--edge:#2b3441;--paper:#232b36;--line:#364152;"
    "--ink:#e8edf4;--soft:#a3afbf;color-scheme:dark}" + _hues(DARK)
)
STYLE = (
    "svg{--page:#fff;--panel:#f3f5f8;--part:#f9fafc;--edge:#dfe4eb;--paper:#fff;--line:#d3dae3;"
    "--ink:#16202c;--soft:#5a6878;color-scheme:light;"
    "font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif;font-size:11px}"
    + _hues(LIGHT)
    + f"@media screen and (prefers-color-scheme:dark){{{DARK_RULES}}}"
    "text{fill:var(--ink)}"
    ".page{fill:var(--page)}"
    ".panel{fill:var(--panel);stroke:var(--edge)}"
    ".part{fill:var(--part);stroke-dasharray:5 4}"
    ".paper{fill:var(--paper);stroke:var(--line)}"
    ".edge{fill:var(--hue)}"
    ".head{font-size:19px;font-weight:650}"
    ".about{fill:var(--soft);font-size:12px}"
    ".zone{fill:var(--soft);font-size:12px;font-weight:600}"
    ".name{font-size:13px;font-weight:600}"
    ".rule{stroke:var(--line);fill:none}"
    ".ports{font-weight:600;font-variant-numeric:tabular-nums}"
    ".end{text-anchor:end}"
    "circle{fill:var(--hue,var(--soft))}"
    ".quiet text{fill:var(--soft)}"
    ".quiet circle{fill:none;stroke:var(--soft)}"
    ".line{fill:none;stroke:var(--hue);stroke-width:1.6;stroke-linejoin:round}"
    ".halo{fill:none;stroke:var(--page);stroke-width:4.5;stroke-opacity:.75}"
    ".tip{fill:var(--hue)}"
    ".optional .line,.optional.line{stroke-width:1.1;stroke-dasharray:4 3;stroke-opacity:.85}"
    ".touch{fill:none;stroke:var(--hue);stroke-width:7;stroke-opacity:0;stroke-linejoin:round}"
    ".arrow:hover .touch{stroke-width:4;stroke-opacity:1}"
    ".row:hover text{text-decoration:underline}"
    ".legend text{fill:var(--soft)}"
    "@media print{.panel,.paper{-webkit-print-color-adjust:exact;print-color-adjust:exact}}"
)
