import { readFileSync } from 'node:fs';
import { rooms } from '../kernels/index.ts';
import { Service } from '../web/worker/service.ts';
import { verdictText } from '../web/worker/verdict_text.ts';
const service = new Service(Object.fromEntries(rooms.map((room) => [room.name, async () => ({ room })])));
const text = readFileSync('kernels/gelu/gelu.wgsl','utf8');
const ln = readFileSync('kernels/layernorm/layernorm.wgsl','utf8');
const lp = readFileSync('kernels/layernorm/layernorm.pairs.wgsl','utf8');
async function run(name: string, room: string, edits: Record<string,string>, choice = {}) {
  const t = performance.now(); let last = t; const stages: string[] = [];
  const v = await service.answer({ kind: 'verdict', room, edits, ...choice }, (p) => { const n = performance.now(); stages.push(`${Math.round(n-last)}`, (p as any).stage); last = n; });
  console.log(name, Math.round(performance.now()-t), 'ms', stages.join(' '), Math.round(performance.now()-last), verdictText(v).slice(0, 100), JSON.stringify(v).slice(0,0));
}
for (let i = 0; i < 3; i++) await run('gelu comment', 'gelu', {'gelu/gelu.wgsl': text + '\n// x'});
await run('gelu endless', 'gelu', {'gelu/gelu.wgsl': text.replace('i += WORKGROUP', 'i += 0u')});
await run('gelu oob', 'gelu', {'gelu/gelu.wgsl': text.replace('y[i] =', 'y[i + 8u] = vector(0); y[i] =')});
for (const c of [undefined, 'B/32: 400 × 768'])
for (let i = 0; i < 2; i++) await run('ln comment '+c, 'layernorm', {'layernorm/layernorm.wgsl': ln + '\n// x', 'layernorm/layernorm.pairs.wgsl': lp + '\n// x'}, {case: c});
await run('ln endless', 'layernorm', {'layernorm/layernorm.naive.wgsl': readFileSync('kernels/layernorm/layernorm.naive.wgsl','utf8').replace(/c\+\+|c \+= \w+/, 'c += 0u')}, {case: 'B/32: 400 × 768', variant: 'naive'});
await service.close();
