"""The style sheet of report.html: light, dark and print; wide and 390 px; no colour carries meaning alone."""

CSS = (
    """
:root{color-scheme:light dark;--bg:#fbfaf7;--card:#fff;--ink:#1c1f23;--soft:#555d66;--rule:#d9d6cd;--faint:#ece9e1;
--good:#14653f;--goodbg:#e3f2e9;--warn:#7a4a00;--warnbg:#fdf0d5;--bad:#9b1c1c;--badbg:#fbe6e4;--link:#0b57a4;
--k0:#6b7280;--k1:#0b62a4;--k2:#c2501a;--k3:#177a56;--k4:#8447b0;--k5:#9a6a00;--k6:#be2f74;--k7:#2c7686;
--s1:#0b62a4;--s2:#e08a1e;--s3:#4aa37f;--s4:#8447b0;--s5:#be2f74;--s6:#8a8f98}
@media (prefers-color-scheme:dark){:root{--bg:#14161a;--card:#1c1f25;--ink:#e8e6e1;--soft:#a5abb3;--rule:#3a3f47;
--faint:#2a2e35;--good:#7fd6a8;--goodbg:#163326;--warn:#f2c272;--warnbg:#3a2c10;--bad:#f59a92;--badbg:#3f1d1b;--link:#86bdf2;
--k0:#9aa1ab;--k1:#64aef0;--k2:#f2915c;--k3:#5cc79c;--k4:#c596ea;--k5:#dcb04a;--k6:#f083b4;--k7:#76c3d3;
--s1:#64aef0;--s2:#f0b055;--s3:#5cc79c;--s4:#c596ea;--s5:#f083b4;--s6:#9aa1ab}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--bg);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",
"PingFang SC","Microsoft YaHei","Noto Sans CJK SC",sans-serif;overflow-wrap:anywhere}
header,main,footer,nav{max-width:1160px;margin:0 auto;padding:0 20px}
header{padding-top:28px}
.skip{position:absolute;left:-999px}.skip:focus{left:8px;top:8px;background:var(--card);padding:8px}
h1{font-size:1.75rem;line-height:1.2;margin:0}
h2{font-size:1.35rem;line-height:1.25;margin:2.4rem 0 .4rem;padding-top:1rem;border-top:1px solid var(--rule)}
h3{font-size:1.08rem;margin:1.6rem 0 .3rem}
p{margin:.4rem 0 .8rem;max-width:75ch}
.sub,.fine,caption,figcaption small,footer{color:var(--soft)}
.fine,footer{font-size:.875rem}
a{color:var(--link)}
nav ul{display:flex;flex-wrap:wrap;gap:4px 18px;list-style:none;margin:14px 0 0;padding:0;font-size:.9rem}
.notice{border-left:5px solid var(--k0);background:var(--card);padding:10px 16px;margin:12px 0;border-radius:4px}
.notice p{margin:.15rem 0}
.notice b{display:block}
.verdict{padding:18px 22px}
.verdict b{font-size:1.05rem}
.verdict p{font-size:1.22rem;line-height:1.45}
.good{border-color:var(--good)}.warn{border-color:var(--warn)}.bad{border-color:var(--bad)}
.verdict.good{background:var(--goodbg)}.verdict.warn{background:var(--warnbg)}.verdict.bad{background:var(--badbg)}
.notice.good b{color:var(--good)}.notice.warn b{color:var(--warn)}.notice.bad b{color:var(--bad)}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(165px,1fr));gap:12px;margin:6px 0 16px}
.figures div{background:var(--card);border:1px solid var(--rule);border-radius:6px;padding:10px 14px}
.figures dt{font-size:.86rem;color:var(--soft);line-height:1.3}
.figures dd{margin:2px 0 0;font-size:1.3rem;font-weight:650;line-height:1.25;white-space:nowrap}
.figures dd.note{white-space:normal;font-size:.82rem;font-weight:400;color:var(--soft);margin-top:3px}
.scroll{overflow-x:auto;margin:8px 0 16px;border:1px solid var(--rule);border-radius:6px;background:var(--card)}
.scroll:focus-visible,summary:focus-visible,a:focus-visible{outline:3px solid var(--link);outline-offset:2px}
table{border-collapse:collapse;width:100%;font-size:.875rem;line-height:1.35;overflow-wrap:break-word}
caption{text-align:left;padding:8px 10px 4px;font-size:.86rem}
th,td{padding:6px 10px;text-align:left;vertical-align:top;border-top:1px solid var(--faint);min-width:6em}
thead th{background:var(--faint);vertical-align:bottom;font-weight:600}
tbody th{font-weight:600;min-width:10em}
.r{text-align:right;font-variant-numeric:tabular-nums}
td.long{min-width:13em;max-width:36em}
.tag{display:inline-block;padding:0 8px;border-radius:9px;border:1px solid currentColor;white-space:nowrap;color:var(--soft)}
.tag.good{color:var(--good)}.tag.warn{color:var(--warn)}.tag.bad{color:var(--bad)}
details{margin:8px 0}summary{cursor:pointer;padding:4px 0;color:var(--link);font-size:.9rem}
.panels{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,330px),1fr));gap:14px;margin:12px 0}
.beside{display:grid;grid-template-columns:minmax(0,1fr);gap:14px;margin:12px 0;align-items:start}
@media (min-width:1000px){.beside{grid-template-columns:minmax(0,540px) minmax(0,1fr)}}
figure{margin:0;background:var(--card);border:1px solid var(--rule);border-radius:6px;padding:10px 8px;min-width:0}
figure>figcaption{font-weight:600;padding:0 6px 6px;line-height:1.3}
figure>p{font-size:.875rem;padding:0 6px;margin:.4rem 0 .2rem}
figure>details{padding:0 6px}
.beside>figure{max-width:560px}.beside>.scroll{margin:0}.beside table{font-size:.84rem}.beside th,.beside td{min-width:0;padding:6px}.beside .scroll{margin:0}
.beside tbody th{min-width:6.5em}
.iv{white-space:nowrap;color:var(--soft)}
@media (min-width:1000px){.pairs{grid-template-columns:1fr 1fr}.pairs figure{display:grid;grid-template-columns:minmax(0,350px) minmax(0,1fr);
align-content:start;column-gap:10px}.pairs figcaption,.pairs details{grid-column:1/-1}.pairs figure>p{margin-top:1rem}}
svg{display:block;width:100%;height:auto;font-family:inherit}
svg text{fill:var(--ink)}svg .tick{fill:var(--soft)}svg .name{font-weight:600}
svg .halo{paint-order:stroke;stroke:var(--card);stroke-width:4px;stroke-linejoin:round}
svg path,svg circle,svg rect{fill:none}
.axis{stroke:var(--soft)}.grid{stroke:var(--faint)}.zero{stroke:var(--ink);stroke-width:1.4;stroke-dasharray:4 3}
.target{stroke:var(--good);stroke-width:1.6;stroke-dasharray:7 4}.chance{stroke:var(--soft);stroke-width:1.3;stroke-dasharray:2 3}
.middle{stroke:var(--ink);stroke-width:1.6}
.line{stroke-width:2.2;stroke:var(--c)}.whisker{stroke:var(--c);stroke-width:1.2}
svg .area{fill:var(--c);fill-opacity:.2}svg .gap{fill:var(--card);fill-opacity:1}svg .fill{fill:var(--c)}
svg .full{fill:var(--c);stroke:var(--card)}svg .hollow{fill:var(--card);stroke:var(--c);stroke-width:1.8}
@media (max-width:480px){header,main,footer,nav{padding:0 12px}header{padding-top:18px}.verdict{padding:14px}
.verdict p{font-size:1.08rem}figure{padding:8px 2px}.figures{grid-template-columns:1fr 1fr;gap:8px}.figures div{padding:8px 10px}
.figures dd{font-size:1.2rem}table{font-size:.84rem}th,td{padding:5px 8px}tbody th{min-width:8em}td.long{min-width:14em}}
@media print{:root{color-scheme:light;--bg:#fff;--card:#fff;--ink:#000}nav,.skip{display:none}body{font-size:10.5pt}
h2,h3{break-after:avoid}figure,.notice,tr,.figures div{break-inside:avoid}.scroll{overflow:visible;border:0}
details::details-content{content-visibility:visible;block-size:auto}.panels{grid-template-columns:1fr 1fr}a{color:inherit}}
"""
    + "".join(f".k{i}{{--c:var(--k{i})}}" for i in range(8))
    + "".join(f".s{i}{{--c:var(--s{i})}}" for i in range(1, 7))
)
