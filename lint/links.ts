/** The links of all pages: each leads to a file or folder that is there, and to a heading that it has. */
import { existsSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { marked, type Token } from 'marked';
import { filesOf, ROOT, textOf } from './files.ts';

/** Whether another site, or none, is meant. */
const isElsewhere = (target: string) => /^[a-z]+:/.test(target);

/** The targets of a page's links and pictures. */
export function targetsOf(page: string): string[] {
  const targets: string[] = [];
  marked.walkTokens(marked.lexer(page), (token: Token) => {
    if (token.type === 'link' || token.type === 'image') targets.push(token.href as string);
  });
  return targets;
}

/** The anchors of a page's headings, as GitHub makes them. */
export function anchorsOf(page: string): Set<string> {
  const anchors = new Set<string>();
  marked.walkTokens(marked.lexer(page), (token: Token) => {
    if (token.type !== 'heading') return;
    const words = (token.text as string).replace(/\]\([^)]*\)/g, ']').toLowerCase();
    const anchor = words.replace(/[^\p{L}\p{M}\p{N}\p{Pc}\- ]/gu, '').replaceAll(' ', '-');
    let unused = anchor;
    for (let n = 1; anchors.has(unused); n++) unused = `${anchor}-${n}`;
    anchors.add(unused);
  });
  return anchors;
}

/** The links of a page that lead nowhere. @param read what a path from the root holds; undefined if it is not there */
export function deadLinks(path: string, page: string, read = readIfThere): string[] {
  return targetsOf(page).filter((target) => !isElsewhere(target)).flatMap((target) => {
    const [file, anchor] = decodeURI(target).split('#');
    const to = file === '' ? path : normalize(join(dirname(path), file));
    const text = to === path ? page : read(to);
    if (text === undefined) return [`${path}: ${target} is not there`];
    if (anchor === undefined || !to.endsWith('.md') || anchorsOf(text).has(anchor)) return [];
    return [`${path}: ${target} names a heading that ${to} does not have`];
  });
}

function readIfThere(path: string): string | undefined {
  if (!existsSync(join(ROOT, path))) return undefined;
  return path.endsWith('.md') ? textOf(path) : '';
}

export const wrongLinks = () => filesOf(['.md']).flatMap((path) => deadLinks(path, textOf(path)));
