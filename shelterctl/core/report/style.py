"""How a report looks: one style sheet, without anything from elsewhere; for a screen of any width, in light and dark, and for paper."""

#: Colours are written out beside the variables' names, so that a browser that knows none still shows the light page.
STYLE = """
:root{--ink:#1a1a1a;--soft:#595959;--page:#ffffff;--line:#d0d7de;--tint:#f6f8fa;--good:#00694c;--bad:#a83200;--open:#7a4f00;--link:#0056a3}
*{box-sizing:border-box}
body{margin:0;background:#fff;background:var(--page);color:#1a1a1a;color:var(--ink)}
body{font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
main{max-width:60rem;margin:0 auto;padding:1.5rem 1rem 3rem}
h1{font-size:1.7rem;line-height:1.2;margin:.5rem 0 1rem}
h2{font-size:1.3rem;line-height:1.3;margin:2.5rem 0 .75rem;padding-top:.75rem;overflow-wrap:anywhere}
h2{border-top:2px solid #d0d7de;border-top-color:var(--line)}
h3{font-size:1.05rem;margin:0}
p{margin:.6rem 0;overflow-wrap:anywhere}
dl.about{margin:0 0 1rem;color:#595959;color:var(--soft)}
dl.about div{display:flex;flex-wrap:wrap}
dl.about dt{min-width:6rem;margin-right:1rem}
dl.about dd{margin:0;overflow-wrap:anywhere}
.card{border:1px solid #d0d7de;border-color:var(--line);border-left:6px solid #595959;border-left-color:var(--soft)}
.card{border-radius:4px;padding:.8rem 1rem;margin:.9rem 0;background:#f6f8fa;background:var(--tint)}
.card.pass{border-left-color:#00694c;border-left-color:var(--good)}
.card.fail{border-left-color:#a83200;border-left-color:var(--bad);border-left-style:double}
.card.unknown{border-left-color:#7a4f00;border-left-color:var(--open);border-left-style:dashed}
.card header{display:flex;flex-wrap:wrap;align-items:baseline;justify-content:space-between}
.verdict{font-weight:700;white-space:nowrap}
.pass .verdict,.verdict.pass{color:#00694c;color:var(--good)}
.fail .verdict,.verdict.fail{color:#a83200;color:var(--bad)}
.unknown .verdict,.verdict.unknown{color:#7a4f00;color:var(--open)}
.none .verdict{color:#595959;color:var(--soft)}
.card ul.numbers{list-style:none;margin:.5rem 0;padding:0;display:flex;flex-wrap:wrap}
.card ul.numbers li{margin:0 1.5rem .35rem 0}
.card ul.numbers span{color:#595959;color:var(--soft);display:block;font-size:.85rem}
.small{font-size:.85rem;color:#595959;color:var(--soft)}
code{font:.88em/1.45 ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace;overflow-wrap:anywhere}
.scroll{overflow-x:auto;-webkit-overflow-scrolling:touch;margin:.9rem 0 1.2rem}
table{border-collapse:collapse;font-size:.9rem;width:100%}
caption{text-align:left;font-weight:600;padding:.2rem 0 .4rem}
th,td{text-align:left;vertical-align:top;padding:.35rem .6rem}
th,td{border-bottom:1px solid #d0d7de;border-bottom-color:var(--line);overflow-wrap:break-word}
th{font-weight:600;color:#595959;color:var(--soft)}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
td.n{white-space:nowrap}
table.files td{font-family:ui-monospace,"DejaVu Sans Mono",monospace;font-size:.72rem;overflow-wrap:anywhere;min-width:5rem}
table.wide td,table.wide th{padding:.35rem .4rem}
figure{margin:1.2rem 0;overflow-x:auto}
figure svg{display:block;width:100%;min-width:600px;height:auto}
figure.wide svg{min-width:840px}
figcaption{font-size:.85rem;color:#595959;color:var(--soft);margin-top:.3rem}
.doubt{border-left:3px dashed #7a4f00;border-left-color:var(--open);padding-left:.7rem}
ul{margin:.3rem 0 1rem;padding-left:1.3rem}
li{overflow-wrap:anywhere}
.what{margin-bottom:0;font-weight:600}
@media (max-width:700px){
th,td{padding:.3rem .4rem;min-width:4.6rem}
table{font-size:.82rem}
}
@media (prefers-color-scheme:dark){
:root{--ink:#e6e6e6;--soft:#a8b0b8;--page:#15191e;--line:#3d444d;--tint:#1d232a;--good:#4cc9a0;--bad:#ff9d70;--open:#f0b849;--link:#7ab8ff}
figure svg{filter:invert(.91) hue-rotate(180deg)}
}
@page{size:A4;margin:16mm 14mm}
@media print{
:root{--ink:#000;--soft:#444;--page:#fff;--line:#bbb;--tint:#fff;--good:#00694c;--bad:#a83200;--open:#7a4f00}
body{font-size:10pt}
main{max-width:none;padding:0}
h1{margin-top:0}
h2{break-after:avoid;page-break-after:avoid;margin-top:1.4rem}
.card,figure,tr{break-inside:avoid;page-break-inside:avoid}
thead{display:table-header-group}
caption,.what{break-after:avoid;page-break-after:avoid}
.scroll,figure{overflow:visible}
table{font-size:8pt}
th,td{padding:.2rem .35rem}
figure svg,figure.wide svg{min-width:0;filter:none}
table.files td{font-size:6pt}
}
""".strip()
