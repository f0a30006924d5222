/** Names and texts that nobody means: what they would do to a terminal, to a log, or to a page. */

/** A line break, the escape sequence of a terminal in one and in two characters, marks of direction, half a pair. */
export const HARM = ['\n', '\r', '\u001b[31m', '\u009b2J', '\u001b]8;;http://127.0.0.1:9/\u0007', '\u202e', '\u2066',
  '\u200f', '\u2028', '\ud800', '\u0007', '\t'];
export const HOSTILE = `a${HARM.join('x')}\nfirstlight: all is well`;
export const HUGE = 'n'.repeat(5e6);
/** What no line may hold. */
export const HARMFUL =
  /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]|\p{Surrogate}/u;

/** An address that a page would have to ask for. */
const ELSEWHERE = 'http://127.0.0.1:9/';
/** Sets the mark that `didRun` looks for. */
const RUN = 'globalThis.didRun=1';

/** Markup that would run something, or load something, wherever a page took a text for more. */
export const MARKUP: readonly string[] = [
  `<script>${RUN}</script>`,
  `<img src=x onerror="${RUN}">`,
  `<svg onload=${RUN}><animate onbegin=${RUN} attributeName=x dur=1s></svg>`,
  `"><img src=x onerror=${RUN}>`,
  `" onmouseover="${RUN}" onfocus="${RUN}" autofocus tabindex="0`,
  `' onmouseover='${RUN}' x='`,
  `\` onclick=${RUN} x=\``,
  ...['title', 'style', 'script', 'pre', 'bdi', 'textarea', 'svg', 'details'].map((tag) =>
    `</${tag}><script>${RUN}</script>`
  ),
  `--><script>${RUN}</script><!--`,
  `]]><script>${RUN}</script>`,
  `<a href="javascript:${RUN}">a</a>`,
  `javascript:${RUN}`,
  `data:text/html,<script>${RUN}</script>`,
  `<iframe srcdoc="<script>parent.didRun=1</script>"></iframe>`,
  `<object data="${ELSEWHERE}"></object><embed src="${ELSEWHERE}">`,
  `<base href="${ELSEWHERE}"><link rel="stylesheet" href="${ELSEWHERE}x.css">`,
  `<meta http-equiv="refresh" content="0;url=${ELSEWHERE}">`,
  `<form action="${ELSEWHERE}"><button autofocus onfocus=${RUN}>`,
  `<style>@import "${ELSEWHERE}x.css"; * { background: url(${ELSEWHERE}) }</style>`,
  `; background: url(${ELSEWHERE}) }`,
  `&lt;script&gt;${RUN}&lt;/script&gt;`,
  `&#60;img src=x onerror=${RUN}&#62;`,
  `\\u003cscript\\u003e${RUN}\\u003c/script\\u003e`,
  `\${${RUN}}`,
  `<\u0000script>${RUN}</script>`,
  `<scr\u202eipt>${RUN}</script>`,
  `\u001b[31m<marquee>${RUN}</marquee>`,
  'מימין לשמאל <marquee>',
];
