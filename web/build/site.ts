/** All files of the site. */
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { FirstlightError } from '../../engine/errors.ts';
import { rooms } from '../../kernels/index.ts';
import { ROOT } from '../../package/exports.ts';
import { html } from '../../train/report/html.ts';
import { STYLE } from '../../train/report/style.ts';
import { apiEntries, type Entry } from '../api/model.ts';
import { apiPages } from '../api/pages.ts';
import type { Lesson } from '../training/lesson.ts';
import { builtFrom } from './built.ts';
import { bundle, type Script } from './bundle.ts';
import { classifyPage } from './classify.ts';
import { doctorPage } from './doctor.ts';
import { firstPage } from './first.ts';
import { makeLesson } from './lesson.ts';
import { documentOf } from './markdown.ts';
import { isFolder, placeOf, wayTo } from './places.ts';
import { type Page, wholePage } from './shell.ts';
import { filePage, folderPage } from './source.ts';
import { studyPage } from './study.ts';
import { trainPage } from './train.ts';

/** Where reading begins; whatever these link is on the site as well. */
const BEGIN = ['README.md', 'kernels/README.md', 'CONTRIBUTING.md', 'LICENSE',
  ...rooms.map(({ name }) => `kernels/${name}/README.md`)];

/**
 * Builds the site into a folder; what is in it goes. Returns the addresses of its pages.
 *
 * @param entries of the API: reading them takes longer than all else
 */
export async function buildSite(folder: string, entries: readonly Entry[] = apiEntries()): Promise<readonly string[]> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const lesson = await makeLesson();
  const scripts = await bundle(ROOT, folder, ['first', 'study', 'train', 'classify', 'doctor'], lesson);
  const pages = allPages({ scripts, lesson, entries }, (path) => copy(path, join(folder, placeOf(ROOT, path))));
  const style = writeStyle(folder);
  for (const page of pages) write(join(folder, page.path), wholePage(page, style));
  return pages.map(({ path }) => path);
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

function copy(path: string, target: string): void {
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(join(ROOT, path), target);
}

/** One style sheet, of the reports and of the site. */
function writeStyle(folder: string): string {
  const text = STYLE + readFileSync(join(ROOT, 'web', 'pages', 'style.css'), 'utf8');
  const name = `assets/style-${createHash('sha256').update(text).digest('hex').slice(0, 8)}.css`;
  write(join(folder, name), text);
  return name;
}

/** What pages are made of beside the files of the project. */
interface PageContents {
  readonly scripts: Readonly<Record<'first' | 'study' | 'train' | 'classify' | 'doctor', Script>>;
  readonly lesson: Lesson;
  readonly entries: readonly Entry[];
}

/** The pages of the site, from those where reading begins to whatever they link. @param keep copies a picture */
function allPages({ scripts, lesson, entries }: PageContents, keep: (path: string) => void): Page[] {
  const pages: Page[] = [];
  const seen = new Set<string>(BEGIN);
  const built = builtFrom(ROOT);
  const linkFrom = (from: string) => (path: string, anchor = ''): string => {
    const target = path.replace(/\/$/, '') || 'README.md';
    if (!existsSync(join(ROOT, target))) {
      throw new FirstlightError('FL_LINK', `${from} links ${path}, which is not there`, { from, path });
    }
    seen.add(target);
    const place = placeOf(ROOT, target);
    return wayTo(from, place.includes('#') ? place : place + anchor);
  };
  pages.push(firstPage(scripts.first, linkFrom('index.html')), trainPage(lesson, scripts.train, linkFrom('train.html')),
    classifyPage(scripts.classify, linkFrom('classify.html')),
    doctorPage(ROOT, scripts.doctor, linkFrom('doctor.html')), ...apiPages(linkFrom, entries));
  for (const path of seen) { // grows while it is gone through
    const place = placeOf(ROOT, path);
    const link = linkFrom(place);
    const room = rooms.find(({ name }) => path === `kernels/${name}/README.md`);
    if (room !== undefined) {
      pages.push(
        studyPage(room, { root: ROOT, path: place, script: scripts.study.file, preloads: scripts.study.imports, built,
          link }),
      );
    } else if (place.startsWith('files/')) keep(path);
    else if (place.includes('#')) continue;
    else if (isFolder(ROOT, path)) {
      if (place.startsWith('source/')) pages.push(folderPage(ROOT, path, link));
    } else if (path.endsWith('.md')) pages.push(documentPage(path, place, link));
    else pages.push(filePage(ROOT, path));
  }
  return pages;
}

function documentPage(path: string, place: string, link: (path: string, anchor: string) => string): Page {
  const { title, lead, sections } = documentOf(readFileSync(join(ROOT, path), 'utf8'), { path, link });
  return {
    path: place,
    title,
    description: lead,
    body: html`<h1>${title}</h1>
${
      sections.map(({ id, heading, body }) =>
        heading === '' ? body : html`<section id="${id}"><h2>${heading}</h2>${body}</section>\n`
      )
    }`,
  };
}
