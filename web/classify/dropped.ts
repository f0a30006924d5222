/** Files as people give them: chosen, or dropped. */
import type { NamedFile } from './protocol.ts';

/** Of an input, with their ways from the folder that was chosen. */
export function chosenFiles({ files }: HTMLInputElement): NamedFile[] {
  return [...(files ?? [])].map((file) => ({ path: file.webkitRelativePath || file.name, blob: file }));
}

/** Of a drop, those of folders too. */
export async function droppedFiles({ items }: DataTransfer): Promise<NamedFile[]> {
  // all entries at once: behind the first wait the list is empty
  const entries = [...items].map((item) => item.webkitGetAsEntry());
  const files = await Promise.all(entries.map((entry) => (entry === null ? [] : filesIn(entry, ''))));
  return files.flat();
}

async function filesIn(entry: FileSystemEntry, before: string): Promise<NamedFile[]> {
  const path = before + entry.name;
  if (entry.isFile) {
    const blob = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    return [{ path, blob }];
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const files: NamedFile[] = [];
  for (;;) {
    // a hundred at a time, until there are none
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return files;
    for (const each of some) files.push(...await filesIn(each, `${path}/`));
  }
}

/** Makes a part of the page take what is dropped on it. */
export function takesDrops(host: HTMLElement, take: (data: DataTransfer) => void): void {
  const mark = (isOver: boolean) => host.classList.toggle('over', isOver);
  host.addEventListener('dragover', (event) => {
    event.preventDefault();
    mark(true);
  });
  host.addEventListener('dragleave', () => mark(false));
  host.addEventListener('drop', (event) => {
    event.preventDefault();
    mark(false);
    if (event.dataTransfer !== null) take(event.dataTransfer);
  });
}
