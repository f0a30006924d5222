/**
 * Which machine this is: told from nothing but what its adapter reports, so that a made-up report is as good as a card.
 */
import { isSoftware, nameOf, type AdapterInfo as Names } from './software.mjs';

/** Lanes of a subgroup: the fewest and the most that a device may form. */
export interface SubgroupSizes {
  readonly least: number;
  readonly most: number;
}

/**
 * A size of matrices that the adapter's units multiply, left M × K, right K × N, and how operands and sums are stored.
 */
export interface MatrixConfig {
  readonly componentType: string;
  readonly resultComponentType: string;
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

/** What a measurement holds for. Another driver, or another Dawn, compiles other programs. */
export interface Machine {
  readonly adapter: string;
  readonly driver: string;
  /** Whose WebGPU it is, and its version. */
  readonly dawn: string;
}

/** WebGPU's adapter information, with Dawn's experimental list of matrices. */
export interface AdapterInfo extends Names {
  readonly subgroupMinSize?: number;
  readonly subgroupMaxSize?: number;
  readonly subgroupMatrixConfigs?: Iterable<MatrixConfig>;
}

/** All that candidates depend on, beside the shapes of a call and a tuning. */
export interface AdapterReport {
  /** `software`: a processor does the work. It wants other kernels: no barriers, no shared-memory tiles. */
  readonly kind: 'software' | 'hardware';
  readonly name: string;
  /** Those that the device was opened with. */
  readonly features: ReadonlySet<string>;
  readonly limits: GPUSupportedLimits;
  readonly subgroups: SubgroupSizes;
  readonly matrices: readonly MatrixConfig[];
}

/** What WebGPU allows where an adapter does not tell. */
const [LEAST_SUBGROUP, MOST_SUBGROUP] = [4, 128];

/**
 * What a device can do, from what its adapter says of itself.
 *
 * @param browser what an adapter without a name is called by
 */
export function reportOf(info: AdapterInfo, { features, limits }: Pick<AdapterReport, 'features' | 'limits'>,
  browser?: string): AdapterReport {
  const { subgroupMinSize: least = LEAST_SUBGROUP, subgroupMaxSize: most = MOST_SUBGROUP, subgroupMatrixConfigs = [] } =
    info;
  return {
    kind: isSoftware(info) ? 'software' : 'hardware',
    name: nameOf(info, browser),
    features,
    limits,
    subgroups: { least, most },
    // Dawn's are objects whose fields are found by name alone
    matrices: [...subgroupMatrixConfigs].map(({ componentType, resultComponentType, M, N, K }) => ({ componentType,
      resultComponentType, M, N, K })
    ),
  };
}

/** Lanes of a subgroup, or 0 where the device does not promise one size. */
export function onlySize({ least, most }: SubgroupSizes): number {
  return least === most ? least : 0;
}

/** What a measurement on this adapter holds for. */
export function machineOf({ vendor = '', architecture = '', device = '', description = '' }: AdapterInfo,
  version: string): Machine {
  return { adapter: [vendor, architecture, device].filter((word) => word !== '').join(' '), driver: description,
    dawn: version };
}

/** Whether what was measured on one holds for the other. */
export function isSameMachine(a: Machine, b: Machine): boolean {
  return a.adapter === b.adapter && a.driver === b.driver && a.dawn === b.dawn;
}

/**
 * Why no measurement can be told to be of this machine, or undefined where it can: browsers hide what tells two
 * adapters or two drivers apart, and a candidate that was the best on one of them may be the worst on the other.
 */
export function untunable({ adapter, driver }: Machine): string | undefined {
  const hidden = [...(adapter === '' ? ['adapter'] : []), ...(driver === '' ? ['driver'] : [])];
  return hidden.length === 0
    ? undefined
    : `nothing tells which ${hidden.join(' and ')} this is: measurements of two would be mixed`;
}

/** What features are for that kernels can use, for those who ask what an adapter lacks. */
export const FEATURE_USES: Readonly<Record<string, string>> = {
  'shader-f16': 'half-precision storage',
  subgroups: 'faster sums and products',
  'subgroup-size-control': 'matrix units where the size of subgroups varies',
  'timestamp-query': 'time of each kernel',
  'chromium-experimental-subgroup-matrix': 'tensor cores',
};

/** What limits bound, and what they count. */
export const LIMIT_USES = {
  maxBufferSize: { use: 'largest buffer', unit: 'bytes' },
  maxStorageBufferBindingSize: { use: 'largest tensor that a kernel sees at once', unit: 'bytes' },
  maxComputeWorkgroupStorageSize: { use: 'memory of a workgroup', unit: 'bytes' },
  maxComputeInvocationsPerWorkgroup: { use: 'threads of a workgroup', unit: 'threads' },
} as const;
