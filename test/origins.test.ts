/** Names of each origin, beside ours: every row both ways, with shapes as the files of the origin have them. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { type Origin, originOf, ORIGINS } from '../model/checkpoint/names/index.ts';

/** Our names and shapes of a ViT of width 6 with 5 tokens, and those that it has in a file. */
const VIT:
  readonly (readonly [ours: string, shape: readonly number[],
    files: { readonly [origin in Origin]?: readonly (readonly [name: string, shape: readonly number[]])[] }])[] = [
    ['visual.class_embedding', [6], { timm: [['cls_token', [1, 1, 6]]],
      'hf-vit': [['embeddings.cls_token', [1, 1, 6]]] }],
    ['visual.positional_embedding', [5, 6], { timm: [['pos_embed', [1, 5, 6]]],
      'hf-vit-head': [['vit.embeddings.position_embeddings', [1, 5, 6]]] }],
    ['visual.conv1.weight', [6, 3, 4, 4], { timm: [['patch_embed.proj.weight', [6, 3, 4, 4]]],
      'hf-vit': [['embeddings.patch_embeddings.projection.weight', [6, 3, 4, 4]]] }],
    ['visual.conv1.bias', [6], { timm: [['patch_embed.proj.bias', [6]]],
      'hf-vit-head': [['vit.embeddings.patch_embeddings.projection.bias', [6]]] }],
    ['visual.transformer.resblocks.10.attn.in_proj_weight', [18, 6], {
      timm: [['blocks.10.attn.qkv.weight', [18, 6]]],
      'hf-vit': ['query', 'key', 'value'].map((
        part,
      ) => [`encoder.layer.10.attention.attention.${part}.weight`, [6, 6]]),
      'hf-clip': ['q', 'k', 'v'].map((
        part,
      ) => [`vision_model.encoder.layers.10.self_attn.${part}_proj.weight`, [6, 6]]),
    }],
    ['visual.transformer.resblocks.0.attn.in_proj_bias', [18], { timm: [['blocks.0.attn.qkv.bias', [18]]],
      'hf-vit-head': ['query', 'key', 'value'].map((
        part,
      ) => [`vit.encoder.layer.0.attention.attention.${part}.bias`, [6]]) }],
    ['visual.transformer.resblocks.0.attn.out_proj.weight', [6, 6], { timm: [['blocks.0.attn.proj.weight', [6, 6]]],
      'hf-vit': [['encoder.layer.0.attention.output.dense.weight', [6, 6]]] }],
    ['visual.transformer.resblocks.0.ln_1.bias', [6], { timm: [['blocks.0.norm1.bias', [6]]],
      'hf-vit': [['encoder.layer.0.layernorm_before.bias', [6]]] }],
    ['visual.transformer.resblocks.0.ln_2.weight', [6], { timm: [['blocks.0.norm2.weight', [6]]],
      'hf-vit': [['encoder.layer.0.layernorm_after.weight', [6]]] }],
    ['visual.transformer.resblocks.0.mlp.c_fc.weight', [24, 6], { timm: [['blocks.0.mlp.fc1.weight', [24, 6]]],
      'hf-vit': [['encoder.layer.0.intermediate.dense.weight', [24, 6]]] }],
    ['visual.transformer.resblocks.0.mlp.c_proj.bias', [6], { timm: [['blocks.0.mlp.fc2.bias', [6]]],
      'hf-vit': [['encoder.layer.0.output.dense.bias', [6]]] }],
    ['visual.ln_post.weight', [6], { timm: [['norm.weight', [6]]], 'hf-vit': [['layernorm.weight', [6]]],
      'hf-clip': [['vision_model.post_layernorm.weight', [6]]] }],
    ['visual.ln_pre.weight', [6], { 'hf-clip': [['vision_model.pre_layrnorm.weight', [6]]],
      hf: [['vision_model.pre_layernorm.weight', [6]]] }],
    ['visual.proj', [6, 4], { hf: [['visual_projection.weight', [4, 6]]] }],
    ['logit_scale', [], { hf: [['logit_scale', []]], official: [['logit_scale', []]] }],
    ['mit.resblocks.0.attn.in_proj_bias', [12], {
      hf: ['q', 'k', 'v'].map((part) => [`mit.encoder.layers.0.self_attn.${part}_proj.bias`, [4]]),
    }],
  ];

/** The same of networks. */
const LAYER = 'backbone.transformer_layers.layers.7';
const NETWORKS: typeof VIT = [
  ['backbone.layers.2.blocks.5.mlp.fc1.weight', [8, 4], {
    mmaction: [['backbone.layers.2.blocks.5.mlp.fc1.weight', [8, 4]]],
    'swin-fork': [['backbone.layers.2.blocks.5.mlp.fc1.weight', [8, 4]]],
    'torchvision-swin': [['features.4.5.mlp.0.weight', [8, 4]]],
    'swin-pictures': [['layers.2.blocks.5.mlp.fc1.weight', [8, 4]]],
    'timm-swin': [['layers.2.blocks.5.mlp.fc1.weight', [8, 4]]],
  }],
  ['backbone.layers.0.blocks.1.mlp.fc2.bias', [4], { 'torchvision-swin': [['features.0.1.mlp.3.bias', [4]]] }],
  ['backbone.layers.1.blocks.1.attn.qkv.bias', [4], { 'torchvision-swin': [['features.2.1.attn.qkv.bias', [4]]] }],
  ['backbone.layers.3.blocks.0.norm2.bias', [4], { 'torchvision-swin': [['features.6.0.norm2.bias', [4]]] }],
  ...[0, 1, 2].map((stage): (typeof VIT)[number] => [`backbone.layers.${stage}.downsample.norm.bias`, [4], {
    'torchvision-swin': [[`features.${[1, 3, 5][stage]}.norm.bias`, [4]]],
    'timm-swin': [[`layers.${[1, 2, 3][stage]}.downsample.norm.bias`, [4]]],
    'swin-pictures': [[`layers.${stage}.downsample.norm.bias`, [4]]],
  }]),
  ['backbone.norm3.weight', [4], { 'swin-fork': [['backbone.norm.weight', [4]]], 'timm-swin': [['norm.weight', [4]]],
    'torchvision-swin': [['norm.weight', [4]]], 'swin-pictures': [['norm.weight', [4]]],
    mmaction: [['backbone.norm3.weight', [4]]] }],
  ['backbone.patch_embed.proj.weight', [6, 2, 5, 4, 3], {
    mmaction: [['backbone.patch_embed.proj.weight', [6, 3, 2, 5, 4]]],
    'swin-fork': [['backbone.patch_embed.proj.weight', [6, 3, 2, 5, 4]]],
    'torchvision-swin': [['patch_embed.proj.weight', [6, 3, 2, 5, 4]]],
  }],
  ['backbone.patch_embed.proj.weight', [6, 1, 5, 4, 3], { 'timm-swin': [['patch_embed.proj.weight', [6, 3, 5, 4]]] }],
  ['backbone.patch_embed.norm.bias', [6], { 'torchvision-swin': [['patch_embed.norm.bias', [6]]] }],
  ['cls_head.fc_cls.weight', [9, 4], { tsm: [['new_fc.weight', [9, 4]]], resnet: [['fc.weight', [9, 4]]],
    'torchvision-swin': [['head.weight', [9, 4]]], 'timm-swin': [['head.fc.weight', [9, 4]]],
    'swin-pictures': [['head.weight', [9, 4]]], 'hf-videomae': [['classifier.weight', [9, 4]]],
    'hf-timesformer': [['classifier.weight', [9, 4]]], timesformer: [['model.head.weight', [9, 4]]],
    'timesformer-bare-plain': [['head.weight', [9, 4]]] }],
  ['backbone.layer3.5.conv2.conv.weight', [4, 3, 5, 2], {
    mmaction: [['backbone.layer3.5.conv2.conv.weight', [4, 2, 3, 5]]],
    tsm: [['base_model.layer3.5.conv2.weight', [4, 2, 3, 5]]],
    resnet: [['layer3.5.conv2.weight', [4, 2, 3, 5]]],
  }],
  ['backbone.layer1.0.conv1.conv.net.weight', [4, 1, 1, 2], {
    mmaction: [['backbone.layer1.0.conv1.conv.net.weight', [4, 2, 1, 1]]],
    tsm: [['base_model.layer1.0.conv1.net.weight', [4, 2, 1, 1]]],
  }],
  ['backbone.layer1.0.conv3.bn.running_mean', [4], { resnet: [['layer1.0.bn3.running_mean', [4]]],
    mmaction: [['backbone.layer1.0.conv3.bn.running_mean', [4]]] }],
  ['backbone.layer2.0.downsample.conv.weight', [4, 1, 1, 2], {
    tsm: [['base_model.layer2.0.downsample.0.weight', [4, 2, 1, 1]]],
    mmaction: [['backbone.layer2.0.downsample.conv.weight', [4, 2, 1, 1]]],
  }],
  ['backbone.layer2.0.downsample.bn.bias', [4], { resnet: [['layer2.0.downsample.1.bias', [4]]] }],
  ['backbone.conv1.conv.weight', [4, 7, 7, 3], { resnet: [['conv1.weight', [4, 3, 7, 7]]],
    mmaction: [['backbone.conv1.conv.weight', [4, 3, 7, 7]]] }],
  ['backbone.conv1.bn.weight', [4], { tsm: [['base_model.bn1.weight', [4]]] }],
  ['backbone.cls_token', [4], { mmaction: [['backbone.cls_token', [1, 1, 4]]],
    timesformer: [['model.cls_token', [1, 1, 4]]],
    'hf-timesformer-plain': [['timesformer.embeddings.cls_token', [1, 1, 4]]] }],
  ['backbone.pos_embed', [5, 4], { mmaction: [['backbone.pos_embed', [1, 5, 4]]],
    'timesformer-bare': [['pos_embed', [1, 5, 4]]] }],
  ['backbone.time_embed', [3, 4], { 'timesformer-bare-plain': [['time_embed', [1, 3, 4]]],
    'hf-timesformer': [['timesformer.embeddings.time_embeddings', [1, 3, 4]]] }],
  [`${LAYER}.attentions.0.attn.in_proj_weight`, [12, 4], {
    'hf-timesformer': [['timesformer.encoder.layer.7.temporal_attention.attention.qkv.weight', [12, 4]]],
    'hf-timesformer-plain': [['timesformer.encoder.layer.7.attention.attention.qkv.weight', [12, 4]]],
    timesformer: [['model.blocks.7.temporal_attn.qkv.weight', [12, 4]]],
    'timesformer-plain': [['model.blocks.7.attn.qkv.weight', [12, 4]]],
  }],
  [`${LAYER}.attentions.1.attn.out_proj.bias`, [4], { timesformer: [['model.blocks.7.attn.proj.bias', [4]]],
    'hf-timesformer': [['timesformer.encoder.layer.7.attention.output.dense.bias', [4]]] }],
  [`${LAYER}.attentions.0.temporal_fc.weight`, [4, 4], { 'timesformer-bare': [['blocks.7.temporal_fc.weight', [4, 4]]],
    'hf-timesformer': [['timesformer.encoder.layer.7.temporal_dense.weight', [4, 4]]] }],
  [`${LAYER}.attentions.0.norm.bias`, [4], { timesformer: [['model.blocks.7.temporal_norm1.bias', [4]]] }],
  [`${LAYER}.attentions.1.norm.bias`, [4], { timesformer: [['model.blocks.7.norm1.bias', [4]]] }],
  [`${LAYER}.ffns.0.norm.bias`, [4], { timesformer: [['model.blocks.7.norm2.bias', [4]]] }],
  [`${LAYER}.norms.0.bias`, [4], { 'timesformer-plain': [['model.blocks.7.norm1.bias', [4]]] }],
  [`${LAYER}.norms.1.bias`, [4], { 'timesformer-plain': [['model.blocks.7.norm2.bias', [4]]],
    'hf-timesformer-plain': [['timesformer.encoder.layer.7.layernorm_after.bias', [4]]] }],
  [`${LAYER}.ffns.0.layers.0.0.weight`, [8, 4], { timesformer: [['model.blocks.7.mlp.fc1.weight', [8, 4]]] }],
  [`${LAYER}.ffns.0.layers.1.bias`, [4], {
    'hf-timesformer': [['timesformer.encoder.layer.7.output.dense.bias', [4]]],
  }],
  ['backbone.blocks.3.attn.qkv.weight', [12, 4], {
    'mmaction-videomae': [['backbone.blocks.3.attn.qkv.weight', [12, 4]]],
    'hf-videomae': ['query', 'key', 'value'].map((
      part,
    ) => [`videomae.encoder.layer.3.attention.attention.${part}.weight`, [4, 4]]),
  }],
  ['backbone.blocks.3.attn.q_bias', [4], {
    'hf-videomae': [['videomae.encoder.layer.3.attention.attention.q_bias', [4]]],
  }],
  ['backbone.patch_embed.projection.weight', [6, 2, 4, 5, 3], {
    'mmaction-videomae': [['backbone.patch_embed.projection.weight', [6, 3, 2, 4, 5]]],
    'hf-videomae': [['videomae.embeddings.patch_embeddings.projection.weight', [6, 3, 2, 4, 5]]],
  }],
];

for (const [ours, shape, files] of [...VIT, ...NETWORKS]) {
  test(`${ours} is found in files of each origin, and what is there is known as it`, () => {
    for (const [origin, tensors] of Object.entries(files)) {
      const names = ORIGINS[origin as Origin];
      const { parts, partShape } = names.storedAs(ours, shape);
      assert.equal(parts.map((part) => [part, partShape]), tensors, origin);
      for (const [theirs, own] of tensors) {
        const meant = names.meant(theirs);
        assert.is(meant.ours, ours);
        assert.equal(meant.shape(own), shape, `${origin}: ${theirs}`);
      }
    }
  });
}

test('a file tells its origin by its names, and what of it is no parameter', () => {
  for (const [origin, names, aside] of [
    ['timm', ['cls_token', 'patch_embed.proj.weight', 'head.weight'], 'head.weight'],
    ['timm', ['patch_embed.proj.weight', 'pre_logits.fc.bias'], 'pre_logits.fc.bias'],
    ['hf-vit-head', ['vit.embeddings.cls_token', 'classifier.weight'], 'classifier.weight'],
    ['hf-vit', ['embeddings.patch_embeddings.projection.bias', 'pooler.dense.weight'], 'pooler.dense.weight'],
    ['hf-clip', ['vision_model.pre_layrnorm.weight', 'text_model.embeddings.position_ids'],
      'text_model.embeddings.position_ids'],
    ['hf', ['vision_model.pre_layernorm.weight', 'vision_model.embeddings.position_ids'],
      'vision_model.embeddings.position_ids'],
    ['official', ['visual.proj', 'input_resolution'], 'input_resolution'],
  ] as const) {
    assert.is(originOf(names), origin);
    assert.equal(names.filter((name) => ORIGINS[origin].isAside(name)), [aside]);
  }
});

test.run();
