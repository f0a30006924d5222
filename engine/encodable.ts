import { type Command, type Resource, workOfCommand } from './command.ts';
import type { Device } from './device.ts';
import type { ParamCache } from './params.ts';
import type { Textures } from './textures.ts';

/** A command with all that WebGPU wants: what is left to do is to encode it. */
export type Encodable = { readonly work: number } & (
  | { readonly kind: 'dispatch'; readonly label: string; readonly settings: string;
    readonly pipeline: GPUComputePipeline; readonly group: GPUBindGroup;
    readonly grid: readonly [number, number, number] }
  | { readonly kind: 'copy'; readonly source: GPUBuffer; readonly sourceOffset: number; readonly target: GPUBuffer;
    readonly targetOffset: number; readonly bytes: number }
  | { readonly kind: 'clear'; readonly target: GPUBuffer; readonly offset: number; readonly bytes: number }
);

/** Most bind groups kept for commands to come; a training step uses a few thousand. */
const MAX_BIND_GROUPS = 32768;

/** Turns commands into what WebGPU takes. Bind groups are found again by what they bind. */
export class Preparation {
  readonly #device: Device;
  readonly #params: ParamCache;
  readonly #textures: Textures;
  readonly #groups = new Map<string, GPUBindGroup>();
  readonly #layoutIds = new WeakMap<GPUBindGroupLayout, number>();
  #layouts = 0;

  constructor(device: Device, params: ParamCache, textures: Textures) {
    this.#device = device;
    this.#params = params;
    this.#textures = textures;
  }

  prepare(command: Command): Encodable {
    const work = workOfCommand(command);
    switch (command.kind) {
      case 'dispatch': {
        const { label, built, resources, grid } = command;
        const { pipeline, layout } = built.compiled(this.#device);
        return { work, kind: 'dispatch', label, settings: built.settings, pipeline,
          group: this.#group(layout, label, resources), grid };
      }
      case 'copy': {
        const { from, to, bytes } = command;
        return { work, kind: 'copy', source: from.storage.buffer, sourceOffset: from.storage.base + from.offset,
          target: to.storage.buffer, targetOffset: to.storage.base + to.offset, bytes };
      }
      case 'clear': {
        const { to, bytes } = command;
        return { work, kind: 'clear', target: to.storage.buffer, offset: to.storage.base + to.offset, bytes };
      }
    }
  }

  /** Bind groups name buffers; called when buffers are destroyed. */
  forget(): void {
    this.#groups.clear();
  }

  /** Whether parameters should be forgotten, for there are too many. */
  get isFull(): boolean {
    return this.#params.isFull;
  }

  /** Gives back what it keeps: nothing that is still to be submitted may use it. */
  clear(): void {
    this.forget();
    this.#params.clear();
  }

  #group(layout: GPUBindGroupLayout, label: string, resources: readonly Resource[]): GPUBindGroup {
    let layoutId = this.#layoutIds.get(layout);
    if (layoutId === undefined) this.#layoutIds.set(layout, layoutId = ++this.#layouts);
    let key = `${layoutId}`;
    const entries = resources.map((resource): GPUBindGroupEntry => {
      if (resource.kind === 'uniform') {
        const { id, buffer, offset, bytes } = this.#params.slot(resource.block);
        key += `,p${id}`;
        return { binding: resource.index, resource: { buffer, offset, size: bytes } };
      }
      if ('texture' in resource) {
        const { view, id } = this.#textures.of(resource.texture);
        key += `,t${id}`;
        return { binding: resource.index, resource: view };
      }
      const { storage, offset, bytes } = resource;
      key += `,${storage.id},${offset},${bytes}`;
      return { binding: resource.index,
        resource: { buffer: storage.buffer, offset: storage.base + offset, size: bytes } };
    });
    const found = this.#groups.get(key);
    if (found !== undefined) return found;
    if (this.#groups.size >= MAX_BIND_GROUPS) this.#groups.clear();
    const { device } = this.#device;
    const group = this.#device.attempt(() => device.createBindGroup({ label, layout, entries }),
      (error) => this.#device.errorOf(error, `bindings of ${label}`));
    this.#device.counts.bindGroupsCreated++;
    this.#groups.set(key, group);
    return group;
  }
}
