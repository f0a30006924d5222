/** What the comparison with other libraries makes of its timings. None of them needs to be installed. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { CHANNELS_FIRST, laidBack, laidOut, permuted } from '../bench/peers/layout.ts';
import { onnxModel } from '../bench/peers/onnx_model.ts';
import { advantage, distance, errorOf, LIMIT, type Outcome, type PeerName, summary } from '../bench/peers/outcome.ts';
import { costOn, peerTables, processorTable } from '../bench/peers/table.ts';
import type { Operands64, Task } from '../bench/peers/task.ts';
import { forwardTasks, tasks, trainingTasks } from '../bench/peers/tasks.ts';
import { blockOperands, type VitShape, vitOperands } from '../bench/peers/vit.ts';
import * as reference from '../bench/peers/vit.reference.ts';
import { spreadOf } from '../bench/statistics.ts';

const outcome = (task: string, peer: PeerName, milliseconds?: number, changes: Partial<Outcome> = {}): Outcome => ({
  task,
  direction: 'gradient',
  peer,
  trouble: [],
  ...(milliseconds !== undefined && { milliseconds: spreadOf([milliseconds]) }),
  ...changes,
});

test('Firstlight is compared with the better of those that train, never with one that cannot', () => {
  const outcomes = [outcome('a', 'Firstlight', 10), outcome('a', 'TensorFlow.js', 60), outcome('a', 'jax-js', 40),
    outcome('a', 'ONNX Runtime', 5)];
  assert.equal(advantage(outcomes, 'a'), { peer: 'jax-js', ratio: 4 });
  assert.is(advantage([outcome('a', 'Firstlight', 10), outcome('a', 'jax-js')], 'a'), undefined);
});

test('the mean is geometric, and tasks without a number are named', () => {
  const outcomes = [outcome('a', 'Firstlight', 10), outcome('a', 'jax-js', 20), outcome('b', 'Firstlight', 10),
    outcome('b', 'jax-js', 80), outcome('c', 'Firstlight', 10), outcome('c', 'jax-js')];
  const found = summary(outcomes, ['a', 'b', 'c']);
  assert.ok(found !== undefined && Math.abs(found.mean - 4) < 1e-12 && found.least === 2);
  assert.equal(found?.missing, ['c']);
  assert.is(summary([], ['a']), undefined);
});

test('a result is wrong if it is far from float64, not a number, of another size or not there', () => {
  const want = Float64Array.of(1, -2, 4);
  assert.ok(Math.abs(distance([1, -2, 4.004], want) - 0.001) < 1e-9);
  assert.is(distance([1, -2, 4], want), 0);
  assert.is(distance([1, Number.NaN, 4], want), Number.POSITIVE_INFINITY);
  assert.is(distance([1, -2], want), Number.POSITIVE_INFINITY);
  assert.is(errorOf({}, { y: want }), Number.POSITIVE_INFINITY);
  assert.ok(errorOf({ y: [1, -2, 4.004] }, { y: want }) > LIMIT);
});

test('what failed or was wrong is a row with its reason', () => {
  const outcomes = [outcome('layernorm', 'Firstlight', 3), outcome('layernorm', 'jax-js', 12),
    outcome('layernorm', 'TensorFlow.js', undefined, { trouble: ['eager: no such operator'] })];
  const text = peerTables({ outcomes, libraries: { 'jax-js': '0.1' } });
  assert.match(text, /\| layernorm +\| +3\.00 \| failed +\| +12\.0 \| +4\.00 × jax-js \|/);
  assert.match(text, /Geometric mean over the best of TensorFlow\.js and jax-js: 4\.00 ×, at least 4\.00 ×\./);
  assert.match(text, /\* TensorFlow\.js, layernorm: eager: no such operator/);
  assert.match(text, /\njax-js: 0\.1\.$/);
});

test('what WebGPU costs on a processor is told beside the faster of one thread and all, and whose part it is', () => {
  const outcomes = [outcome('matmul, 8³', 'Firstlight', 30), outcome('matmul, 8³', 'ONNX Runtime CPU, 1 thread', 10),
    outcome('matmul, 8³', 'ONNX Runtime CPU', 5), outcome('matmul, 8³', 'PyTorch CPU, 1 thread', 15),
    outcome('GELU', 'Firstlight', 6), outcome('GELU', 'PyTorch CPU', 4), outcome('GELU', 'PyTorch CPU, 1 thread', 3)];
  assert.is(costOn(outcomes, 'matmul, 8³', 'ONNX Runtime'), 6);
  assert.is(costOn(outcomes, 'GELU', 'PyTorch'), 2);
  assert.is(costOn(outcomes, 'GELU', 'ONNX Runtime'), undefined);
  const text = processorTable({ outcomes, libraries: { 'PyTorch CPU': '1.13, OpenBLAS' } }, { gbps: 5, plainGbps: 5,
    gflops: 60, processorGflops: 180 });
  assert.match(text, /^6\.00 × as long as ONNX Runtime, geometric mean of 1 of 2 tasks\.$/m);
  assert.match(text, /^2\.00 × as long as PyTorch, geometric mean of 2 of 2 tasks\.$/m);
  assert.match(text, /60\.0 GFLOP\/s of the processor's 180/);
  assert.match(text, /\| matmul, 8³ \| +6\.00 × \| +3\.00 × \| +2\.00 × \|/);
  assert.match(text, /PyTorch CPU: 1\.13, OpenBLAS\.$/);
});

test('tasks have names of their own, and those with a gradient say of what', () => {
  assert.is(new Set(tasks.map(({ name }) => name)).size, tasks.length);
  assert.is(trainingTasks.length + forwardTasks.length, tasks.length);
  const complete = ({ direction, wrt, formula }: Task) =>
    (direction === 'gradient' || formula === 'vit') === wrt.length > 0;
  assert.ok(tasks.every(complete));
});

const TINY: VitShape = { images: 2, tokens: 3, width: 4, heads: 2, hidden: 5, depth: 2, patch: 6, classes: 3 };
const wide = (operands: ReturnType<typeof vitOperands>): Operands64 =>
  Object.fromEntries(Object.entries(operands).map(([name, { data }]) => [name, Float64Array.from(data)]));

test('the gradient of the block’s reference is that of finite differences', () => {
  const operands = wide(blockOperands(TINY));
  const gradients = reference.block(operands, TINY);
  const loss = () => reference.blockForward(operands, TINY).y.reduce((sum, y, i) => sum + y * operands.dy[i], 0);
  for (const name of Object.keys(operands).filter((key) => key !== 'dy')) {
    for (const i of [0, operands[name].length - 1]) {
      const before = operands[name][i];
      const at = (value: number) => {
        operands[name][i] = value;
        return loss();
      };
      const derivative = (at(before + 1e-5) - at(before - 1e-5)) / 2e-5;
      operands[name][i] = before;
      assert.ok(Math.abs(derivative - gradients[`d${name}`][i]) < 1e-7 * Math.max(1, Math.abs(derivative)),
        `${name}[${i}]: ${gradients[`d${name}`][i]}, differences say ${derivative}`);
    }
  }
});

test('the small transformer’s reference learns', () => {
  const { losses } = reference.vit(wide(vitOperands(TINY)), TINY);
  assert.ok(losses[0] > losses[1] && losses[1] > losses[2], `${losses}`);
});

test('a library has the axes of a convolution as it likes, and gives back what is compared', () => {
  const [x, weight] = [{ shape: [1, 1, 2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) }, { shape: [2, 1, 1, 3],
    data: Float32Array.of(1, 2, 3, 4, 5, 6) }];
  const task = { ...tasks[0], formula: 'convolution', operands: () => ({ x, weight }) } as Task;
  const operands = laidOut(task, CHANNELS_FIRST).operands();
  assert.equal(operands.x, { shape: [1, 3, 1, 2], data: Float32Array.of(1, 4, 2, 5, 3, 6) });
  const back = laidBack({ dx: operands.x.data, dweight: operands.weight.data, y: Float32Array.of(1, 2, 3, 4) }, task,
    CHANNELS_FIRST);
  assert.equal(back, { dx: x.data, dweight: weight.data, y: Float32Array.of(1, 3, 2, 4) });
});

test('an ONNX model is protocol buffers, with every tensor in its graph', () => {
  const weight = permuted({ shape: [1, 2], data: Float32Array.of(5, 6) }, [1, 0]);
  assert.equal(weight, { shape: [2, 1], data: Float32Array.of(5, 6) });
  const model = onnxModel({ inputs: { x: [1, 2] }, constants: { weight },
    nodes: [{ operator: 'MatMul', inputs: ['x', 'weight'], outputs: ['y'] }], outputs: { y: [1, 1] } });
  assert.equal([...model.subarray(0, 3)], [8, 10, 58], 'ir_version 10, then the graph, field 7');
  const graph = model.subarray(4, 4 + model[3]);
  const bytes = [...graph].join();
  assert.ok(bytes.includes([...new Uint8Array(Float32Array.of(5, 6).buffer)].join()), 'the numbers of the constant');
});

test.run();
