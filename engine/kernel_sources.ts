import { streamOf } from './random.ts';
import { checkStructs } from './struct.ts';
import { type Binding, bindingsOf, filesOf, namesOf, type Source } from './wgsl.ts';

/** The WGSL of a kernel, all variants together: as it was written, or as a context edits it. */
export class KernelSources {
  /** What errors call the kernel; edited files are named with it. */
  readonly owner: string;
  readonly #common: readonly Source[];
  readonly #own: Readonly<Record<string, readonly Source[]>>;
  readonly #bindings = new Map<string, readonly Binding[]>();
  #names: ReturnType<typeof namesOf> | undefined;
  #fingerprint: string | undefined;

  /** @param common parts of every variant  @param own what each variant adds */
  constructor(name: string, common: readonly Source[], own: Readonly<Record<string, readonly Source[]>>) {
    this.#common = common;
    this.#own = own;
    const edited = this.all.filter(({ written }) => written !== undefined);
    edited.forEach(checkStructs);
    this.owner = edited.length === 0 ? name : `${filesOf(edited)}: ${name}`;
  }

  /** Every part, each file once. */
  get all(): readonly Source[] {
    return [...new Map(this.#parts.map((part) => [part.file, part])).values()];
  }

  /** Parts of every variant, again for each that has them. */
  get #parts(): readonly Source[] {
    return [...this.#common, ...Object.values(this.#own).flat()];
  }

  /** Parts of a variant, in the order in which they are linked. */
  of(variant: string): readonly Source[] {
    return [...(this.#own[variant] ?? []), ...this.#common];
  }

  /** What a variant binds. */
  bindings(variant: string): readonly Binding[] {
    let bindings = this.#bindings.get(variant);
    if (bindings === undefined) this.#bindings.set(variant, bindings = bindingsOf(this.of(variant)));
    return bindings;
  }

  /** Names that a launch may use, for some variant. */
  get names(): ReturnType<typeof namesOf> {
    return (this.#names ??= namesOf(this.all));
  }

  /** Tells one state of the texts from another. */
  get fingerprint(): string {
    return (this.#fingerprint ??= streamOf(this.#parts.map(({ text }) => text).join('\n')).toString(16)
      .padStart(8, '0'));
  }

  /** The same with other texts for some parts. */
  with(edited: (parts: readonly Source[]) => Source[], name: string): KernelSources {
    const own = Object.fromEntries(Object.entries(this.#own).map(([variant, parts]) => [variant, edited(parts)]));
    return new KernelSources(name, edited(this.#common), own);
  }
}
