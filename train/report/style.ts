/** The look of the report: system fonts, light and dark, one column on a phone. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #f6f5f2; --card: #ffffff; --ink: #1b1b1a; --soft: #63625d; --line: #dedcd5; --empty: #f1f0ec;
  --series-1: #2668c6; --series-2: #c65d12; --series-3: #6b57c9;
  --right: #167049; --wrong: #b83c27; --on-fill: #ffffff; --bar: #2668c6; --muted-bar: #b9b7af; --film: #23221f; --film-hole: #f6f5f2;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #141413; --card: #1e1e1c; --ink: #ecebe6; --soft: #a3a199; --line: #383733; --empty: #292826;
    --series-1: #6ea8f2; --series-2: #f0975a; --series-3: #a797f5;
    --right: #45c08a; --wrong: #ee7a63; --on-fill: #10100f; --bar: #6ea8f2; --muted-bar: #56544e; --film: #000000; --film-hole: #3b3a36;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif; -webkit-text-size-adjust: 100%; }
main { max-width: 1080px; margin: 0 auto; padding: 48px 20px 72px; }
header { margin-bottom: 40px; }
h1 { font-size: clamp(28px, 5vw, 42px); line-height: 1.12; letter-spacing: -.02em; margin: 10px 0 14px; text-wrap: balance; }
h2 { font-size: 22px; line-height: 1.25; letter-spacing: -.01em; margin: 56px 0 6px; }
h3 { font-size: 16px; margin: 0 0 2px; }
p { margin: 0 0 12px; max-width: 68ch; }
.lead { font-size: 18px; color: var(--soft); }
.hint, figcaption, .facts { color: var(--soft); font-size: 14px; }
.facts { display: flex; flex-wrap: wrap; gap: 4px 20px; margin-top: 16px; }
.verdict { display: inline-flex; align-items: center; gap: 8px; font-weight: 600; font-size: 14px; padding: 4px 12px 4px 10px; border-radius: 99px; color: var(--on-fill); background: var(--right); }
.verdict.missed { background: var(--wrong); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 14px; padding: 20px; }
.grid { display: grid; gap: 16px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); margin-top: 16px; }
figure { margin: 0; min-width: 0; }
figure svg { display: block; width: 100%; height: auto; }
figcaption { margin-bottom: 8px; }
.headline { display: grid; grid-template-columns: 1fr auto; gap: 2px 16px; align-items: end; }
.headline .measure { color: var(--soft); font-size: 14px; }
.headline .number { grid-row: 1 / span 2; grid-column: 2; font-size: 38px; line-height: 1; font-weight: 650; letter-spacing: -.03em; font-variant-numeric: tabular-nums; }
.headline .number small { font-size: 20px; font-weight: 500; margin-left: 2px; }
.scale { position: relative; grid-column: 1 / -1; height: 14px; margin: 14px 0 26px; background: var(--empty); border-radius: 7px; }
.scale .fill { position: absolute; inset: 0 auto 0 0; min-width: 3px; background: var(--bar); border-radius: 7px; }
.scale .beyond { position: absolute; top: 0; bottom: 0; background: repeating-linear-gradient(135deg, transparent 0 4px, color-mix(in srgb, var(--soft) 30%, transparent) 4px 5px); border-radius: 0 7px 7px 0; }
.scale .mark { position: absolute; top: -4px; bottom: -4px; width: 2px; margin-left: -1px; background: var(--ink); }
.scale .mark.chance { background: none; border-left: 2px dotted var(--soft); }
.scale .mark span { position: absolute; top: 100%; right: 0; white-space: nowrap; font-size: 12px; line-height: 20px; color: var(--soft); }
.scale .mark.to-right span { right: auto; left: 0; }
.headline .status { grid-column: 1 / -1; font-size: 14px; margin: 0; }
.status b.met { color: var(--right); } .status b.missed { color: var(--wrong); }
.legend { display: flex; flex-wrap: wrap; gap: 2px 16px; font-size: 14px; margin: 0 0 8px; }
.legend i { display: inline-block; width: 16px; border-top: 3px solid var(--colour); border-radius: 2px; margin-right: 6px; vertical-align: middle; }
.legend i.dashed { border-top: 2px dashed var(--colour); border-radius: 0; }
.clip { display: grid; grid-template-columns: 96px minmax(0, 1fr); gap: 12px 16px; align-items: start; }
.moving, .strip i { background-image: var(--frames); background-size: calc(var(--count) * 100%) 100%; image-rendering: pixelated; }
.moving { width: 96px; aspect-ratio: var(--ratio); border-radius: 8px; animation: play calc(var(--count) * .16s) steps(var(--count)) infinite; }
@keyframes play { to { background-position-x: var(--end); } }
.strip { grid-column: 1 / -1; display: grid; grid-template-columns: repeat(var(--count), 1fr); gap: 3px; padding: 9px 5px; border-radius: 6px; background:
  radial-gradient(circle, var(--film-hole) 1.6px, transparent 2px) 0 0 / 10px 9px repeat-x,
  radial-gradient(circle, var(--film-hole) 1.6px, transparent 2px) 0 100% / 10px 9px repeat-x, var(--film); }
.strip i { display: block; aspect-ratio: var(--ratio); background-position-x: var(--at); border-radius: 1px; }
.clip .file { color: var(--soft); font-size: 12px; overflow-wrap: anywhere; }
.tag { display: inline-block; font-size: 12px; line-height: 18px; padding: 0 8px; border: 1px solid var(--line); border-radius: 9px; color: var(--soft); white-space: nowrap; }
.guesses { list-style: none; margin: 8px 0 0; padding: 0; font-size: 14px; }
.guesses li { position: relative; display: flex; justify-content: space-between; gap: 8px; padding: 2px 8px; margin-bottom: 3px; border-radius: 5px; overflow: hidden; background: var(--empty); line-height: 20px; }
.guesses li::before { content: ""; position: absolute; inset: 0 auto 0 0; width: var(--share); background: var(--muted-bar); opacity: .45; }
.guesses li.right::before { background: var(--right); }
.guesses li.right { font-weight: 600; }
.guesses span { position: relative; } .guesses .share { font-variant-numeric: tabular-nums; white-space: nowrap; }
.card > h3 + dl, .card > h3 + table { margin-top: 10px; }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 6px 20px; margin: 0; font-size: 15px; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
.times { width: 100%; border-collapse: collapse; font-size: 15px; }
.times td { padding: 3px 0; vertical-align: middle; } .times td:nth-child(2) { width: 45%; padding: 0 14px; }
.times td:last-child { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.times .bar { height: 8px; border-radius: 4px; min-width: 2px; background: var(--bar); }
.times tr:last-child td { border-top: 1px solid var(--line); font-weight: 600; padding-top: 7px; }
.search { display: flex; flex-wrap: wrap; align-items: center; gap: 4px 12px; margin: 12px 0 0; font-size: 14px; font-weight: 600; }
.search[hidden] { display: none; }
.search input { flex: 0 1 320px; min-width: 0; font: inherit; font-weight: 400; font-size: 16px; padding: 8px 14px; color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: 99px; }
.search output { color: var(--soft); font-weight: 400; }
.search input:focus-visible, .list button:focus-visible { outline: 2px solid var(--bar); outline-offset: 1px; }
.list { min-width: 0; display: flex; flex-direction: column; } .list + .list, .grid + .list { margin-top: 16px; }
.scroll { overflow: auto; max-height: 268px; margin: 8px -8px 0; } .scroll.tall { max-height: 620px; } .scroll:focus-visible { outline: 2px solid var(--bar); outline-offset: 1px; }
.list table { width: 100%; border-collapse: collapse; font-size: 14px; line-height: 20px; }
.list th { position: sticky; top: 0; z-index: 1; background: var(--card); box-shadow: 0 1px var(--line); text-align: left; font-weight: 500; color: var(--soft); white-space: nowrap; padding: 4px 8px; vertical-align: bottom; }
.list td { padding: 3px 8px; vertical-align: top; overflow-wrap: anywhere; border-bottom: 1px solid color-mix(in srgb, var(--line) 50%, transparent); }
.list th button { all: unset; cursor: pointer; } .list th button:hover { color: var(--ink); }
.list th[aria-sort] { color: var(--ink); } .list th[aria-sort=ascending] button::after { content: " ↑"; } .list th[aria-sort=descending] button::after { content: " ↓"; }
.parts .n, .pairs :is(td, th):nth-child(n+3), .by-class :is(td, th):is(:nth-child(2), :nth-child(5)) { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.parts td:nth-child(1) { min-width: 90px; } .parts td { overflow-wrap: normal; } .by-class td:nth-child(1) { width: 24%; } .by-class td:nth-child(4) { color: var(--soft); width: 48%; }
.by-class td.right { min-width: 92px; text-indent: 6px; font-variant-numeric: tabular-nums; background: linear-gradient(90deg, color-mix(in srgb, var(--right) 38%, transparent) var(--share, 0%), var(--empty) var(--share, 0%)) content-box; }
.matrix svg { cursor: crosshair; } .readout { min-height: 22px; margin: 8px 0 0; font-size: 14px; }
details { margin-top: 16px; } summary { cursor: pointer; font-weight: 600; }
pre { overflow-x: auto; font: 13px/1.5 ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace; margin: 12px 0 0; }
@media (max-width: 560px) {
  main { padding: 28px 14px 48px; } .card { padding: 16px; } .headline .number { font-size: 32px; }
  .clip { grid-template-columns: 72px minmax(0, 1fr); } .moving { width: 72px; } .strip { gap: 2px; }
}
@media (prefers-reduced-motion: reduce) { .moving { animation: none; } }
@media print { body { background: none; } .card { break-inside: avoid; } .moving { animation: none; } }
`;
