// Run as a child by disposal.test.ts: all that loads in a browser, where `Symbol` has no `dispose`, as in Safari.
// Node's cannot be taken away, so another `Symbol` stands in, without them.
const real = Symbol;
const names = Object.getOwnPropertyNames(real).filter((name) => name !== 'dispose' && name !== 'asyncDispose');
const bare = (description?: string) => real(description);
for (const name of names) {
  Object.defineProperty(bare, name, Object.getOwnPropertyDescriptor(real, name) as PropertyDescriptor);
}
Object.defineProperty(globalThis, 'Symbol', { value: bare });

const engine = await import('../engine/index.ts');
const { gelu } = await import('../kernels/gelu/index.ts');
await import('../kernels/index.ts');
await import('../model/index.ts');
await import('../train/recipe/index.ts');

const gpu = await engine.open();
{
  using x = engine.Tensor.from(gpu, Float32Array.of(0, 1));
  using step = gpu.capture((input: typeof x) => gelu(input, 'gelu'));
  const y = step.run(x);
  console.log(`reads ${(await y.read())[0]}`);
}
const loose = engine.Tensor.zeros(gpu, [4]);
loose[engine.dispose]();
const unnamed = [engine.Tensor, engine.Module, engine.History, engine.CapturedStep, engine.Gpu].filter((
  { prototype },
) => 'undefined' in prototype);
// what is left is the 1 that each loss begins with
const symbols = [Symbol.dispose, Symbol.asyncDispose].map(String).join(' ');
console.log(`symbols ${symbols}, live ${gpu.pool.live}, unnamed ${unnamed.length}`);
await gpu[engine.asyncDispose]();
console.log(`closed ${gpu.isClosed}`);
process.exit(0);
