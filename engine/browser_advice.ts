/** Which browser this is, and what to do where it gives no adapter. Knows nothing but what it is told. */

/** What decides. */
export interface Surroundings {
  readonly userAgent: string;
  /** Of the page: `http://` is not, but for localhost. */
  readonly isSecureContext: boolean;
  /** Whether there is a `navigator.gpu`. */
  readonly hasGpu: boolean;
  /** What the browser said when it was asked for an adapter and refused. */
  readonly refusal?: string;
}

type Family = 'Chromium' | 'Firefox' | 'WebKit' | 'unknown';
type System = 'Windows' | 'macOS' | 'Linux' | 'Android' | 'iOS' | 'ChromeOS' | 'unknown';

interface Browser {
  readonly name: string;
  /** Of what is named, and of what decides: Opera 120 is Chromium 136. */
  readonly version: number;
  readonly engine: number;
  readonly family: Family;
  readonly system: System;
  /** A page within an app. */
  readonly isWebView: boolean;
}

/** The first that fits: those that call themselves Chrome or Safari too come before them. */
const NAMES: readonly (readonly [RegExp, string, Family])[] = [
  [/\b(?:Edg|EdgA)\/(\d+)/, 'Edge', 'Chromium'],
  [/\bEdgiOS\/(\d+)/, 'Edge', 'WebKit'],
  [/\bOPR\/(\d+)/, 'Opera', 'Chromium'],
  [/\bSamsungBrowser\/(\d+)/, 'Samsung Internet', 'Chromium'],
  [/\bFxiOS\/(\d+)/, 'Firefox', 'WebKit'],
  [/\bFirefox\/(\d+)/, 'Firefox', 'Firefox'],
  [/\bCriOS\/(\d+)/, 'Chrome', 'WebKit'],
  [/\b(?:Headless)?Chrome\/(\d+)/, 'Chrome', 'Chromium'],
  [/\bVersion\/(\d+)[\d.]* .*\bSafari\//, 'Safari', 'WebKit'],
];

const SYSTEMS: readonly (readonly [RegExp, System])[] = [[/\b(?:iPhone|iPad|iPod)\b/, 'iOS'], [/\bAndroid\b/,
  'Android'], [/\bWindows\b/, 'Windows'], [/\bCrOS\b/, 'ChromeOS'], [/\bMac OS X\b/, 'macOS'], [/\b(?:Linux|X11)\b/,
  'Linux']];

/** The first version with WebGPU. */
const FIRST = { chromium: 113, chromiumOnAndroid: 121, safari: 26, firefoxOnWindows: 141, firefoxOnMac: 145 };

function browserOf(userAgent: string): Browser {
  const system = SYSTEMS.find(([pattern]) => pattern.test(userAgent))?.[1] ?? 'unknown';
  for (const [pattern, name, family] of NAMES) {
    const version = Number(pattern.exec(userAgent)?.[1]);
    if (Number.isNaN(version)) continue;
    const engine = family === 'Chromium' ? Number(/Chrome\/(\d+)/.exec(userAgent)?.[1] ?? version) : version;
    return { name, version, engine, family, system, isWebView: /; wv\)/.test(userAgent) };
  }
  const isInApp = system === 'iOS' && /AppleWebKit/.test(userAgent);
  return { name: 'this browser', version: 0, engine: 0, family: isInApp ? 'WebKit' : 'unknown', system,
    isWebView: isInApp };
}

/** `Firefox 145`; `this browser` where nothing tells. */
export function browserName(userAgent: string): string {
  const { name, version } = browserOf(userAgent);
  return version === 0 ? name : `${name} ${version}`;
}

/** What a person can do about an adapter that is not there: one sentence, without a full stop. */
export function browserAdvice({ userAgent, isSecureContext, hasGpu, refusal = '' }: Surroundings): string {
  if (!isSecureContext) {
    return 'open the page by https://, or from localhost: browsers offer WebGPU to secure pages alone';
  }
  const browser = browserOf(userAgent);
  if (browser.isWebView) return 'this page is shown within an app: open it in a browser of its own';
  switch (browser.family) {
    case 'Chromium':
      return adviceForChromium(browser);
    case 'Firefox':
      return /\b(?:release|nightly)\b/i.test(refusal)
        ? 'use a later Firefox, Firefox Nightly, or Chrome: WebGPU was left out of this build'
        : adviceForFirefox(browser, hasGpu);
    case 'WebKit':
      return adviceForWebKit(browser, hasGpu);
    case 'unknown':
      return 'use a browser with WebGPU: Chrome or Edge 113 (121 on Android), Safari 26, Firefox 141 on Windows';
  }
}

function adviceForChromium({ name, version, engine, system }: Browser): string {
  const first = system === 'Android' ? FIRST.chromiumOnAndroid : FIRST.chromium;
  const update = name === 'Chrome' || name === 'Edge' ? `update ${name} to ${first}` : `use Chrome ${first}`;
  if (engine < first) return `${update} or later: ${name} ${version} has no WebGPU${on(system)}`;
  const scheme = name === 'Edge' ? 'edge' : name === 'Opera' ? 'opera' : 'chrome';
  const restart = `restart ${name}, which blocks a GPU that crashed; ${scheme}://gpu says why it gives none`;
  return system === 'Linux'
    ? `${restart}; on Linux WebGPU is on for Intel from 144 and NVIDIA from 147, elsewhere by ${scheme}://flags/#enable-unsafe-webgpu`
    : `${restart}, and graphics acceleration must be on in its settings`;
}

function adviceForFirefox({ version, system }: Browser, hasGpu: boolean): string {
  const restart = 'restart Firefox, which blocks a GPU that crashed; about:support says why it gives none';
  if (hasGpu) return restart;
  const byHand = 'set dom.webgpu.enabled to true in about:config';
  switch (system) {
    case 'Windows':
      return version < FIRST.firefoxOnWindows
        ? `update Firefox to ${FIRST.firefoxOnWindows} or later: ${version} has no WebGPU on Windows`
        : `${byHand}, where somebody set it to false, and ${restart}`;
    case 'macOS':
      return version < FIRST.firefoxOnMac
        ? `update Firefox to ${FIRST.firefoxOnMac} or later, which has WebGPU on Apple silicon; on Intel, ${byHand}`
        : `${byHand}: on a Mac, Firefox has WebGPU switched on for Apple silicon alone`;
    case 'Android':
      return `use Chrome ${FIRST.chromiumOnAndroid} or later; or in Firefox Nightly, ${byHand}`;
    default:
      return `${byHand}: Firefox ${version} has WebGPU switched off${on(system)}`;
  }
}

function adviceForWebKit({ name, version, system }: Browser, hasGpu: boolean): string {
  if (hasGpu) return `restart ${name}, which blocks a GPU that crashed`;
  if (system === 'iOS' && !(name === 'Safari' && version >= FIRST.safari)) {
    return `update the device to iOS ${FIRST.safari} or later, where every browser has WebGPU`;
  }
  return version < FIRST.safari
    ? `update to Safari ${FIRST.safari} or later, or use Chrome: Safari ${version} has no WebGPU`
    : 'switch WebGPU on in the feature flags of Safari, and restart it';
}

function on(system: System): string {
  return system === 'unknown' ? '' : ` on ${system}`;
}
