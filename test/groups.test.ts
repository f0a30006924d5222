/** Which parameters learn at which rate and decay: the recipe's groups, and those of published trainings. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { ConfigError, type Tensor } from '../engine/index.ts';
import { freeze, type Grouping, groupsOf } from '../train/recipe/optimizer/index.ts';

/** A parameter of this name, that needs no GPU. */
const parameterOf = (name: string, shape: number[]) =>
  [name, { shape, requiresGrad: true } as unknown as Tensor] as const;

const PARTS = [{ name: 'backbone', isNew: false, matches: (name: string) => name.startsWith('backbone.') }, {
  name: 'head',
  isNew: true,
  matches: (name: string) => name.startsWith('cls_head.'),
}];

/** A system of that name with these parameters and a head. */
const modelOf = (system: string, parameters: Readonly<Record<string, number[]>>) => {
  const all = Object.entries({ ...parameters, 'cls_head.fc_cls.weight': [5, 8], 'cls_head.fc_cls.bias': [5] }).map((
    [name, shape],
  ) => parameterOf(name, shape));
  return { config: { system }, parts: PARTS, *parameters() {
    for (const [name, tensor] of all) yield [name, tensor] as [string, Tensor];
  } };
};

const RATES = { weightDecay: 0.1, newPartsLrScale: 10 };

/** Factor on the rate, and decay, of each parameter. */
function learning(model: ReturnType<typeof modelOf>, groups: Grouping | null = null) {
  const found = groupsOf(model, { ...RATES, groups });
  const rows = found.flatMap(({ lrScale, weightDecay, parameters }) =>
    parameters.map(([name]) => [name, [lrScale, weightDecay]] as const)
  );
  assert.is(rows.length, [...model.parameters()].length, 'each parameter is in one group');
  return Object.fromEntries(rows.sort(([a], [b]) => (a < b ? -1 : 1)));
}

const TSM = modelOf('tsm', { 'backbone.conv1.conv.weight': [8, 3, 7, 7], 'backbone.conv1.bn.weight': [8],
  'backbone.conv1.bn.bias': [8], 'backbone.layer1.0.downsample.conv.weight': [8, 8, 1, 1] });

test('TSM: norms without decay, the head at five times the rate, its bias at ten times without decay', () => {
  assert.equal(learning(TSM), { 'backbone.conv1.bn.bias': [1, 0], 'backbone.conv1.bn.weight': [1, 0],
    'backbone.conv1.conv.weight': [1, 0.1], 'backbone.layer1.0.downsample.conv.weight': [1, 0.1],
    'cls_head.fc_cls.bias': [10, 0], 'cls_head.fc_cls.weight': [5, 0.1] });
  assert.equal(learning(TSM, 'recipe')['cls_head.fc_cls.weight'], [10, 0.1]);
});

test('TimeSformer: what ran decays all alike, what is written spares class token and places', () => {
  const model = modelOf('timesformer', { 'backbone.cls_token': [8], 'backbone.pos_embed': [5, 8],
    'backbone.time_embed': [2, 8], 'backbone.norm.bias': [8] });
  assert.equal([...new Set(Object.values(learning(model)).map(String))], ['1,0.1']);
  assert.equal(learning(model, 'written'), { 'backbone.cls_token': [1, 0], 'backbone.norm.bias': [1, 0.1],
    'backbone.pos_embed': [1, 0], 'backbone.time_embed': [1, 0], 'cls_head.fc_cls.bias': [1, 0.1],
    'cls_head.fc_cls.weight': [1, 0.1] });
});

test('Video Swin: MMAction2 multiplies all keys that match, its fork takes the longest', () => {
  const block = 'backbone.layers.0.blocks.0';
  const model = modelOf('video-swin', { [`${block}.norm1.weight`]: [8], [`${block}.attn.qkv.bias`]: [24],
    [`${block}.attn.relative_position_bias_table`]: [27, 2] });
  const head = { 'cls_head.fc_cls.bias': [1, 0.1], 'cls_head.fc_cls.weight': [1, 0.1] };
  assert.equal(learning(model), { [`${block}.attn.qkv.bias`]: [0.1, 0.1],
    [`${block}.attn.relative_position_bias_table`]: [0.1, 0], [`${block}.norm1.weight`]: [0.1, 0], ...head });
  assert.equal(learning(model, 'fork'), { [`${block}.attn.qkv.bias`]: [0.1, 0.1],
    [`${block}.attn.relative_position_bias_table`]: [1, 0], [`${block}.norm1.weight`]: [0.1, 0.1], ...head });
});

test('groups that a system does not have are refused, with those that it has', () => {
  const { message } = assert.throwsWith(() => groupsOf(TSM, { ...RATES, groups: 'fork' }), ConfigError);
  assert.is(message, 'optim.groups: is fork, tsm has recipe, mmaction2');
  assert.throwsWith(() => groupsOf({ ...TSM, config: { system: 'xclip' } }, { ...RATES, groups: 'mmaction2' }),
    ConfigError, 'optim.groups: is mmaction2, xclip has recipe');
});

test('a system without texts is all of pictures: it learns under visual, and its head alone under text', () => {
  const learns = () => [...TSM.parameters()].filter(([, { requiresGrad }]) => requiresGrad).map(([name]) => name);
  freeze(TSM, 'visual');
  assert.is(learns().length, 6);
  freeze(TSM, 'text');
  assert.equal(learns(), ['cls_head.fc_cls.weight', 'cls_head.fc_cls.bias']);
});

test.run();
