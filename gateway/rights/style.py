"""The style sheet of the export's page: system fonts, one accent, contrast of at least 4.5 to 1, a face for paper."""

from __future__ import annotations

STYLE = """
:root { --paper: #fbfaf7; --card: #ffffff; --line: #e2ded4; --ink: #22282d; --soft: #56606a; --accent: #1b5b62; }
* { box-sizing: border-box; }
html { color-scheme: light; -webkit-text-size-adjust: 100%; }
body { margin: 0 auto; max-width: 70rem; padding: 3rem 1.5rem 4rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.6 system-ui, "Segoe UI", Roboto, "Helvetica Neue", "Liberation Sans", sans-serif; }
header { max-width: 46rem; }
header p { margin: .75rem 0 0; }
header p.law { margin: 0 0 .5rem; color: var(--accent); font-size: .875rem; font-weight: 600; }
h1 { margin: 0; font-size: 2.125rem; line-height: 1.2; letter-spacing: -.015em; overflow-wrap: anywhere; }
h2 { margin: 0 0 .25rem; font-size: 1.3125rem; line-height: 1.3; }
h3 { margin: 1.5rem 0 .25rem; font-size: 1.0625rem; }
nav ul { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .75rem; margin: 2rem 0 0;
  padding: 0; list-style: none; }
nav a { display: block; height: 100%; padding: .75rem 1rem; border: 1px solid var(--line); border-radius: .5rem;
  background: var(--card); color: var(--ink); font-size: .875rem; line-height: 1.35; text-decoration: none; }
nav a:hover { border-color: var(--accent); }
a:focus-visible, .scroll:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.count { display: block; color: var(--accent); font-size: 1.5rem; font-weight: 600; }
section { margin-top: 3rem; scroll-margin-top: 1rem; }
section > p { max-width: 46rem; margin: 0 0 1rem; color: var(--soft); }
section > ul { max-width: 46rem; margin: 0; padding-left: 1.25rem; }
li + li { margin-top: .25rem; }
nav li + li { margin-top: 0; }
dl { max-width: 46rem; margin: .5rem 0 0; }
dt { font-weight: 600; }
dd { margin: 0 0 .75rem; color: var(--soft); }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: .5rem; background: var(--card); }
table { width: 100%; border-collapse: collapse; font-size: .875rem; line-height: 1.45; }
caption { padding: .75rem 1rem .25rem; color: var(--soft); text-align: left; }
th, td { padding: .5rem 1rem; text-align: left; vertical-align: top; overflow-wrap: break-word; }
thead th { border-bottom: 1px solid var(--line); color: var(--soft); font-weight: 600; white-space: nowrap; }
tbody th { font-weight: 600; }
tbody tr + tr > * { border-top: 1px solid var(--line); }
code { color: var(--soft); font: .93em/1.45 ui-monospace, "Cascadia Mono", Menlo, "Liberation Mono", monospace; }
p.none { padding: .75rem 1rem; border: 1px dashed var(--line); border-radius: .5rem; }
span.none { color: var(--soft); }
footer { margin-top: 3rem; padding-top: 1rem; border-top: 1px solid var(--line); color: var(--soft);
  font-size: .875rem; }
@media print {
  @page { margin: 16mm; }
  body { max-width: none; padding: 0; background: none; font-size: 10pt; }
  nav { display: none; }
  section { margin-top: 1.75rem; }
  h1 { font-size: 18pt; }
  h2 { font-size: 13pt; }
  h2, h3, section > p { break-after: avoid; }
  section > p { margin-bottom: .5rem; }
  tr, li { break-inside: avoid; }
  dt { break-after: avoid; }
  .scroll { overflow: visible; border: none; border-radius: 0; }
  table { font-size: 8pt; }
  th, td { padding: .25rem .5rem .25rem 0; }
  thead th { white-space: normal; }
  caption { display: none; }
}
"""
