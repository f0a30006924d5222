/**
 * What adapters say of themselves, written down or made up: names and sizes of subgroups as Dawn and the browsers give
 * them, matrices as the drivers list them. For tests of what is chosen on machines that are not here.
 */
import { type AdapterInfo, type AdapterReport, type MatrixConfig, reportOf } from '../engine/index.ts';

const matrices = (componentType: string, resultComponentType: string, M: number, N: number,
  K: number): MatrixConfig => ({ componentType, resultComponentType, M, N, K });

const OF_DAWN = ['shader-f16', 'subgroups', 'timestamp-query'];
const WITH_UNITS = [...OF_DAWN, 'subgroup-size-control', 'chromium-experimental-subgroup-matrix'];

/** What kernels are cut to. */
interface Limits {
  readonly lanes: number;
  readonly workgroupBytes: number;
}

interface Adapter {
  readonly info: AdapterInfo;
  readonly features: readonly string[];
  readonly limits?: Limits;
}

/** By maker, and by what tells them apart. */
export const ADAPTERS = {
  nvidia: {
    info: {
      vendor: 'nvidia',
      architecture: 'hopper',
      device: 'nvidia-h200',
      description: 'NVIDIA: 570.86.15 570.86.15',
      isFallbackAdapter: false,
      subgroupMinSize: 32,
      subgroupMaxSize: 32,
      subgroupMatrixConfigs: [matrices('f16', 'f16', 16, 8, 8), matrices('f16', 'f32', 16, 8, 8),
        matrices('f16', 'f32', 16, 16, 16), matrices('f16', 'f16', 16, 16, 16), matrices('i8', 'i32', 16, 16, 32)],
    },
    features: WITH_UNITS,
    limits: { lanes: 1024, workgroupBytes: 49152 },
  },
  amd: {
    info: {
      vendor: 'amd',
      architecture: 'rdna-3',
      device: 'amd-radeon-rx-7900-xt-radv-navi31-',
      description: 'radv: Mesa 25.0.7',
      isFallbackAdapter: false,
      subgroupMinSize: 32,
      subgroupMaxSize: 64,
      subgroupMatrixConfigs: [matrices('f16', 'f16', 16, 16, 16), matrices('f16', 'f32', 16, 16, 16),
        matrices('u8', 'u32', 16, 16, 16)],
    },
    features: WITH_UNITS,
    limits: { lanes: 1024, workgroupBytes: 65536 },
  },
  intelAlchemist: {
    info: {
      vendor: 'intel',
      architecture: 'gen-12-hp',
      device: 'intel-r-arc-tm-a770-graphics-dg2-',
      description: 'Intel open-source Mesa driver: Mesa 25.2.1',
      isFallbackAdapter: false,
      subgroupMinSize: 8,
      subgroupMaxSize: 32,
      subgroupMatrixConfigs: [matrices('f16', 'f32', 8, 8, 16), matrices('f16', 'f16', 8, 8, 16),
        matrices('i8', 'i32', 8, 8, 32)],
    },
    features: WITH_UNITS,
    limits: { lanes: 1024, workgroupBytes: 65536 },
  },
  intelBattlemage: {
    info: {
      vendor: 'intel',
      architecture: 'xe-2hpg',
      device: 'intel-r-arc-tm-b580-graphics-bmg-g21-',
      description: 'Intel open-source Mesa driver: Mesa 25.2.1',
      isFallbackAdapter: false,
      subgroupMinSize: 16,
      subgroupMaxSize: 32,
      subgroupMatrixConfigs: [matrices('f16', 'f32', 8, 16, 16), matrices('f16', 'f16', 8, 16, 16)],
    },
    features: WITH_UNITS,
    limits: { lanes: 1024, workgroupBytes: 65536 },
  },
  apple: {
    info: {
      vendor: 'apple',
      architecture: 'metal-3',
      device: 'apple-m2',
      description: 'Metal driver on macOS Version 15.5',
      isFallbackAdapter: false,
      subgroupMinSize: 32,
      subgroupMaxSize: 32,
      subgroupMatrixConfigs: [matrices('f32', 'f32', 8, 8, 8), matrices('f16', 'f16', 8, 8, 8)],
    },
    features: WITH_UNITS,
    limits: { lanes: 1024, workgroupBytes: 32768 },
  },
  /** By a Dawn that did not know yet that Apple's subgroups have 32 lanes, all of them. */
  appleByOlderDawn: {
    info: {
      vendor: 'apple',
      architecture: 'metal-3',
      device: 'apple-m2',
      description: 'Metal driver on macOS Version 14.2',
      isFallbackAdapter: false,
      subgroupMinSize: 4,
      subgroupMaxSize: 64,
      subgroupMatrixConfigs: [matrices('f32', 'f32', 8, 8, 8), matrices('f16', 'f16', 8, 8, 8)],
    },
    features: [...OF_DAWN, 'chromium-experimental-subgroup-matrix'],
    limits: { lanes: 1024, workgroupBytes: 32768 },
  },
  /** Made up: nothing but sums in f16. */
  halfSums: {
    info: { vendor: 'maker', architecture: 'first', device: 'card', description: 'driver 1', isFallbackAdapter: false,
      subgroupMinSize: 32, subgroupMaxSize: 32, subgroupMatrixConfigs: [matrices('f16', 'f16', 16, 16, 16)] },
    features: WITH_UNITS,
    limits: { lanes: 1024, workgroupBytes: 32768 },
  },
  lavapipe: {
    info: { vendor: 'mesa', architecture: 'software', device: 'llvmpipe-llvm-15-0-6-256-bits-',
      description: 'llvmpipe: Mesa 25.0.7-2~bpo12+1 (LLVM 15.0.6) 0.0.1', isFallbackAdapter: true, subgroupMinSize: 8,
      subgroupMaxSize: 8, subgroupMatrixConfigs: [] },
    features: [...OF_DAWN, 'subgroup-size-control'],
    limits: { lanes: 1024, workgroupBytes: 32768 },
  },
  swiftShader: {
    info: { vendor: 'google', architecture: 'swiftshader', device: 'swiftshader-device-subzero-',
      description: 'SwiftShader driver 5.0.0', isFallbackAdapter: true, subgroupMinSize: 4, subgroupMaxSize: 4,
      subgroupMatrixConfigs: [] },
    features: ['subgroups', 'timestamp-query', 'subgroup-size-control'],
    limits: { lanes: 256, workgroupBytes: 32768 },
  },
  /** In Chromium, which hides device and description. */
  swiftShaderInChromium: {
    info: { vendor: 'google', architecture: 'swiftshader', device: '', description: '', isFallbackAdapter: true,
      subgroupMinSize: 4, subgroupMaxSize: 4 },
    features: ['subgroups', 'timestamp-query'],
  },
  microsoftBasicRender: {
    info: { vendor: 'microsoft', architecture: 'warp', device: 'microsoft-basic-render-driver',
      description: 'D3D12 driver version 10.0.26100.1', isFallbackAdapter: true, subgroupMinSize: 4,
      subgroupMaxSize: 4 },
    features: OF_DAWN,
  },
  /** The same where a browser is too old for isFallbackAdapter, and hides device and description. */
  microsoftBasicRenderInOldChromium: { info: { vendor: 'microsoft', architecture: 'warp', device: '', description: '' },
    features: [] },
  /** Firefox names nothing, and knows a software adapter from a card all the same. */
  firefox: {
    info: { vendor: '', architecture: '', device: '', description: '', isFallbackAdapter: false, subgroupMinSize: 4,
      subgroupMaxSize: 128 },
    features: ['shader-f16'],
  },
  firefoxOnSoftware: {
    info: { vendor: '', architecture: '', device: '', description: '', isFallbackAdapter: true, subgroupMinSize: 4,
      subgroupMaxSize: 128 },
    features: [],
  },
  /** A card whose driver has "software" in its name. */
  amdOnWindows: {
    info: { vendor: 'amd', architecture: 'rdna-2', device: 'amd-radeon-rx-6800',
      description: 'AMD proprietary driver: 24.12.1 (AMD Software: Adrenalin Edition)', isFallbackAdapter: false,
      subgroupMinSize: 32, subgroupMaxSize: 64 },
    features: [...OF_DAWN, 'subgroup-size-control'],
  },
} as const satisfies Readonly<Record<string, Adapter>>;

export type AdapterName = keyof typeof ADAPTERS;

/** What WebGPU guarantees. */
const LEAST: Limits = { lanes: 256, workgroupBytes: 16384 };

/** The report of a device that was opened with all that the adapter offers. */
export function reportNamed(name: AdapterName): AdapterReport {
  const { info, features, limits = LEAST }: Adapter = ADAPTERS[name];
  const { lanes, workgroupBytes } = limits;
  const of = { maxComputeInvocationsPerWorkgroup: lanes, maxComputeWorkgroupSizeX: lanes,
    maxComputeWorkgroupStorageSize: workgroupBytes, maxStorageBufferBindingSize: 2 ** 27 };
  return reportOf(info, { features: new Set(features), limits: of as GPUSupportedLimits });
}
