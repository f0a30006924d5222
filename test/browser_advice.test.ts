/** What a person is told where a browser gives no adapter, by the user agents that browsers send. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { browserAdvice, browserName } from '../engine/browser_advice.ts';

const chromium = (system: string, version: number, more = '') =>
  `Mozilla/5.0 (${system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${version}.0.0.0 Safari/537.36${more}`;
const firefox = (system: string, version: number) =>
  `Mozilla/5.0 (${system}; rv:${version}.0) Gecko/20100101 Firefox/${version}.0`;
const WINDOWS = 'Windows NT 10.0; Win64; x64';
const MAC = 'Macintosh; Intel Mac OS X 10_15_7';
const LINUX = 'X11; Linux x86_64';
const ANDROID = 'Linux; Android 10; K';
const IPHONE = 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)';

/** User agent, the name of the browser, and what is told where there is no `navigator.gpu`. */
const TABLE: readonly (readonly [string, string, RegExp])[] = [
  [chromium(WINDOWS, 147), 'Chrome 147', /^restart Chrome, .*; chrome:\/\/gpu says why/],
  [chromium(WINDOWS, 109), 'Chrome 109', /^update Chrome to 113 or later: Chrome 109 has no WebGPU on Windows$/],
  [chromium(MAC, 112), 'Chrome 112', /^update Chrome to 113 .* on macOS$/],
  [chromium('X11; CrOS x86_64 14541.0.0', 147), 'Chrome 147', /graphics acceleration/],
  [chromium(LINUX, 147), 'Chrome 147',
    /Intel from 144 and NVIDIA from 147, .*chrome:\/\/flags\/#enable-unsafe-webgpu$/],
  [chromium(LINUX, 147).replace('Chrome', 'HeadlessChrome'), 'Chrome 147', /chrome:\/\/flags/],
  [chromium(LINUX, 112), 'Chrome 112', /^update Chrome to 113 or later: .* on Linux$/],
  [chromium(ANDROID, 120).replace(' Safari', ' Mobile Safari'), 'Chrome 120', /^update Chrome to 121 .* on Android$/],
  [chromium(ANDROID, 121).replace(' Safari', ' Mobile Safari'), 'Chrome 121', /^restart Chrome/],
  [chromium(WINDOWS, 147, ' Edg/147.0.3912.51'), 'Edge 147', /^restart Edge, .*; edge:\/\/gpu/],
  [chromium(WINDOWS, 112, ' Edg/112.0.1722.48'), 'Edge 112', /^update Edge to 113/],
  [chromium(LINUX, 147, ' Edg/147.0.0.0'), 'Edge 147', /edge:\/\/flags\/#enable-unsafe-webgpu$/],
  [chromium(ANDROID, 120, ' EdgA/120.0.2210.141'), 'Edge 120', /^update Edge to 121/],
  [chromium(WINDOWS, 136, ' OPR/120.0.0.0'), 'Opera 120', /^restart Opera, .*; opera:\/\/gpu/],
  [chromium(WINDOWS, 110, ' OPR/96.0.0.0'), 'Opera 96', /^use Chrome 113 or later: Opera 96 has no WebGPU/],
  [chromium(ANDROID, 115).replace('Chrome', 'SamsungBrowser/23.0 Chrome'), 'Samsung Internet 23',
    /^use Chrome 121 or later: Samsung Internet 23 has no WebGPU on Android$/],
  [chromium('Linux; Android 14; Pixel 8 Build/AP2A; wv', 147).replace('Chrome', 'Version/4.0 Chrome'), 'Chrome 147',
    /within an app: open it in a browser/],
  [firefox(WINDOWS, 140), 'Firefox 140', /^update Firefox to 141 or later: 140 has no WebGPU on Windows$/],
  [firefox(WINDOWS, 145), 'Firefox 145', /dom\.webgpu\.enabled .* false/],
  [firefox('Macintosh; Intel Mac OS X 10.15', 144), 'Firefox 144', /^update Firefox to 145 .* Apple silicon/],
  [firefox('Macintosh; Intel Mac OS X 10.15', 145), 'Firefox 145', /^set dom\.webgpu\.enabled .* Apple silicon alone$/],
  [firefox(LINUX, 145), 'Firefox 145', /^set dom\.webgpu\.enabled to true in about:config: .* on Linux$/],
  ['Mozilla/5.0 (Android 15; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0', 'Firefox 145', /^use Chrome 121 .* Nightly/],
  [`Mozilla/5.0 (${MAC}) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15`, 'Safari 18',
    /^update to Safari 26 or later, or use Chrome: Safari 18 has no WebGPU$/],
  [`Mozilla/5.0 (${MAC}) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15`, 'Safari 26',
    /feature flags of Safari/],
  [`${IPHONE} Version/18.6 Mobile/15E148 Safari/604.1`, 'Safari 18', /^update the device to iOS 26/],
  [`${IPHONE} Version/26.0 Mobile/15E148 Safari/604.1`, 'Safari 26', /feature flags of Safari/],
  [`${IPHONE} CriOS/147.0.0.0 Mobile/15E148 Safari/604.1`, 'Chrome 147', /^update the device to iOS 26/],
  [`${IPHONE} FxiOS/145.0 Mobile/15E148 Safari/605.1.15`, 'Firefox 145', /^update the device to iOS 26/],
  [`${IPHONE} Version/18.0 EdgiOS/147.0.0.0 Mobile/15E148 Safari/604.1`, 'Edge 147', /^update the device to iOS 26/],
  [`${IPHONE} Mobile/15E148`, 'this browser', /within an app/],
  ['curl/8.5.0', 'this browser', /^use a browser with WebGPU/],
  ['', 'this browser', /^use a browser with WebGPU/],
];

test('a browser is called by its own name and version, and told what gives it WebGPU', () => {
  for (const [userAgent, name, advice] of TABLE) {
    assert.is(browserName(userAgent), name, userAgent);
    assert.match(browserAdvice({ userAgent, isSecureContext: true, hasGpu: false }), advice, userAgent);
  }
});

test('a page that is not secure is told so in every browser, whatever else is the matter', () => {
  for (const [userAgent] of TABLE) {
    assert.match(browserAdvice({ userAgent, isSecureContext: false, hasGpu: false }), /https:\/\/, or from localhost/);
  }
});

test('where a browser has WebGPU and gives no adapter, its GPU is blocked or crashed: it is to be restarted', () => {
  for (const userAgent of [chromium(WINDOWS, 147), chromium(MAC, 147, ' Edg/147.0.0.0'), chromium(LINUX, 147),
    firefox(WINDOWS, 145), firefox(LINUX, 145), TABLE[24][0]]) {
    assert.match(browserAdvice({ userAgent, isSecureContext: true, hasGpu: true }), /^restart /, userAgent);
  }
});

test.run();
