/** An entry of apt's sources. `keys` is its Signed-By: a path, or the key itself. */
export interface PackageSource {
  readonly uri: string;
  readonly suites: readonly string[];
  readonly components: readonly string[];
  readonly keys?: string;
}

/** The distribution's own archives among the machine's source files. */
export function distributionSources(files: readonly { name: string; text: string }[],
  codename: string): PackageSource[];

/** Our list of sources in deb822 format. */
export function sourceList(sources: readonly PackageSource[], codename: string, distribution: string): string;

/** Runs one of apt's programs and returns what it printed. */
export type Apt = (program: string, ...args: string[]) => Promise<string>;

/** An apt with its state in `folder`; `begins` is called before it fetches anything. */
export function openApt(folder: string,
  begins: () => void): Promise<{ readonly apt: Apt; readonly unread: Error | undefined; readonly system: string }>;

/** Fetches packages and unpacks them in `folder`/root, which it returns. */
export function unpackPackages(apt: Apt, folder: string, wanted: readonly string[]): Promise<string>;

/** Runs a program to its end and returns what it printed; throws with its first complaint. */
export function output(program: string, args: readonly string[],
  options?: { readonly env?: Readonly<Record<string, string>>; readonly cwd?: string }): Promise<string>;
