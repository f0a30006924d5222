/** Checkpoints of Hugging Face by their names, and those of them that are kept on this device. */
import { FirstlightError } from '../../../engine/errors.ts';
import { FileError } from '../../../engine/file_error.ts';
import { shown } from '../../../engine/shown.ts';
import { bytesOfBlob } from '../../../model/checkpoint/bytes.ts';
import type { Folder, Place } from '../../../model/checkpoint/folder.ts';
import type { ClassifyProgress } from '../protocol.ts';
import { openRemote, type RemoteFile } from './http.ts';
import { keepModel, keptFile, keptModels } from './shelf.ts';

type Tell = (progress: ClassifyProgress) => void;

/** `owner/name`, alone or behind the address of the hub. */
const NAME = /^(?:https:\/\/huggingface\.co\/)?(\w[\w.-]{0,95}\/\w[\w.-]{0,95})(?:\/(?:tree\/main\/?)?)?$/;

/** The name that a person means. @throws FirstlightError FL_MODEL_NAME */
export function modelName(text: string): string {
  const [, name] = NAME.exec(text.trim()) ?? [];
  if (name !== undefined) return name;
  throw new FirstlightError('FL_MODEL_NAME', `"${shown(text, 80)}" is no name of a model`, {},
    'write it as owner/name, for example microsoft/xclip-base-patch32');
}

/** The files of a model, fetched when they are asked for. One that came stays as long as this page. */
class RemoteModel implements Folder {
  readonly path: string;
  readonly #address: string;
  readonly #files = new Map<string, RemoteFile | undefined>();
  tell: Tell = () => undefined;

  constructor(hub: string, name: string) {
    this.path = name;
    this.#address = `${hub}/${name}/resolve/main`;
  }

  pathOf(name: string): string {
    return `${this.path}/${name}`;
  }

  async open(name: string) {
    if (!this.#files.has(name)) {
      this.#files.set(name,
        await openRemote(`${this.#address}/${encodeURIComponent(name)}`, this.pathOf(name), (bytes, of) =>
          this.tell({ kind: 'fetched', file: name, bytes, of })));
    }
    const file = this.#files.get(name);
    return file &&
      { name: file.name, size: file.size, close: async () => undefined,
        read: (offset: number, length: number) => file.read(offset, length) };
  }

  /** Fetches the rest of all files that were opened, and keeps them. A browser that does not keep them tells so. */
  async keep(): Promise<void> {
    const files: (readonly [string, Blob])[] = [];
    for (const [name, file] of this.#files) if (file !== undefined) files.push([name, await file.whole()]);
    try {
      await keepModel(this.path, files);
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      this.tell({ kind: 'trouble', sentence: `${error.message}; the checkpoint lasts here as long as this tab` });
    }
  }
}

export class Hub {
  readonly #models = new Map<string, RemoteModel>();

  /** Where a model lies: on this device if it is kept, else at the address of a hub. */
  async place(hub: string, text: string, tell: Tell): Promise<Place> {
    const name = modelName(text);
    if ((await keptModels()).some((kept) => kept.name === name)) return { path: name, folder: keptFolder(name) };
    const model = this.#models.get(name) ?? new RemoteModel(hub, name);
    this.#models.set(name, model);
    model.tell = tell;
    return { path: name, folder: model };
  }

  /** Keeps a model whose place was asked for; one that is kept already, or is no model of a hub, stays as it is. */
  async keep(name: string, tell: Tell): Promise<void> {
    const model = this.#models.get(name);
    if (model === undefined) return;
    model.tell = tell;
    await model.keep();
  }

  /** Who is told from now on of what comes. */
  hear(tell: Tell): void {
    for (const model of this.#models.values()) model.tell = tell;
  }
}

/** The files of a model that is kept: what is not among them it has not. */
function keptFolder(model: string): Folder {
  const pathOf = (name: string) => `${model}/${name}`;
  return { path: model, pathOf, async open(name) {
    const blob = await keptFile(model, name);
    return blob && { ...bytesOfBlob(pathOf(name), blob), close: async () => undefined };
  } };
}
