/** An entry of apt's sources. `keys` is its Signed-By: a path, or the key itself. */
export interface PackageSource {
  readonly uri: string;
  readonly suites: readonly string[];
  readonly components: readonly string[];
  readonly keys?: string;
}

/** The distribution's own archives among the machine's source files. */
export function distributionSources(files: readonly { name: string; text: string }[], codename: string): PackageSource[];

/** Our list of sources in deb822 format. */
export function sourceList(sources: readonly PackageSource[], codename: string, distribution: string): string;
