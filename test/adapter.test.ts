/** How an adapter is asked for, in a process that looks like a browser: with a `navigator.gpu` of its own. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { NoAdapterError, open, Tensor } from '../engine/index.ts';
import { noAdapterInBrowser } from '../engine/adapter.ts';
import { gpuInstance } from '../engine/instance.browser.ts';
import { gpuInstance as instanceInNode } from '../engine/instance.node.ts';

const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0';

/** Runs `work` where `navigator` is that of a browser. */
async function inBrowser(gpu: unknown, work: () => Promise<void>, isSecureContext = true): Promise<void> {
  const before = Object.getOwnPropertyDescriptor(globalThis, 'navigator');
  const navigator = { userAgent: FIREFOX, gpu };
  Object.defineProperty(globalThis, 'navigator', { value: navigator, configurable: true });
  Object.defineProperty(globalThis, 'isSecureContext', { value: isSecureContext, configurable: true });
  try {
    await work();
  } finally {
    if (before === undefined) Reflect.deleteProperty(globalThis, 'navigator');
    else Object.defineProperty(globalThis, 'navigator', before);
    Reflect.deleteProperty(globalThis, 'isSecureContext');
  }
}

const { gpu: real } = await instanceInNode();

/** What a browser has that answers null so many times, and hides the names of its adapter, as Firefox does. */
function answering(nulls: number): { readonly asked: () => number; readonly gpu: Partial<GPU> } {
  let asked = 0;
  const requestAdapter = async (options?: GPURequestAdapterOptions) => {
    if (++asked <= nulls) return null;
    const adapter = await real.requestAdapter(options);
    return new Proxy(adapter as GPUAdapter, {
      get(target, name) {
        if (name === 'info') return { vendor: '', architecture: '', device: '', description: '' };
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  };
  return { asked: () => asked, gpu: { requestAdapter } };
}

test('an adapter without a name is called by its browser, and computes', async () => {
  await inBrowser(answering(0).gpu, async () => {
    await using gpu = await open();
    assert.is(gpu.name, 'Firefox 145, unnamed adapter');
    using x = Tensor.from(gpu, Float32Array.of(1, 2));
    assert.equal([...await x.read()], [1, 2]);
  });
});

test('a browser that refuses to look for an adapter is quoted, and told of as one without WebGPU', async () => {
  const requestAdapter = () => Promise.reject(new Error('WebGPU is not yet available in Release or late Beta builds.'));
  await inBrowser({ requestAdapter }, async () => {
    await assert.rejectsWith(open(), NoAdapterError,
      /^no WebGPU adapter: tried Firefox 145, which says: WebGPU is not yet available in Release or late Beta builds$/,
      { hint: 'use a later Firefox, Firefox Nightly, or Chrome: WebGPU was left out of this build' });
  });
});

test('a machine that has no adapter at first is asked once more', async () => {
  const { asked, gpu: late } = answering(1);
  await inBrowser(late, async () => {
    await using gpu = await open();
    assert.equal([asked(), gpu.name], [2, 'Firefox 145, unnamed adapter']);
  });
});

test('a browser that gives none is named, with what to do there, and not what to do in Node', async () => {
  const { asked, gpu } = answering(9);
  await inBrowser(gpu, async () => {
    const error = await assert.rejectsWith(() => open(), NoAdapterError, 'no WebGPU adapter: tried Firefox 145');
    assert.is(asked(), 2);
    assert.match(error.hint ?? '', /^restart Firefox/);
    assert.not.match(error.hint ?? '', 'npm');
  });
});

test('a browser without WebGPU, and a page that is not secure, say what to do', async () => {
  await inBrowser(undefined, async () => {
    const error = await assert.rejectsWith(() => gpuInstance(), NoAdapterError);
    assert.match(error.hint ?? '', 'dom.webgpu.enabled');
  });
  await inBrowser(undefined, async () => {
    assert.match(noAdapterInBrowser().hint ?? '', 'https://');
  }, false);
});

test.run();
