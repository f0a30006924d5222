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

for (const [ours, shape, files] of VIT) {
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
