/** The origins that files come from, and how to tell by its names which one a file has. */
import { CLIP_ASIDE, CLIP_FIRST_NORM, TOWERS } from './clip.ts';
import { huggingFaceVit, TIMM, TIMM_ASIDE, VIT_ASIDE } from './imagenet_vit.ts';
import { MMACTION_RESNET, torchvisionResNet } from './resnet.ts';
import { MMACTION_SWIN } from './swin.ts';
import { Names } from './table.ts';
import { MMACTION, MMACTION_ASIDE, TIMESFORMER_ROWS } from './timesformer.ts';
import { ADDITIONS, XCLIP_FIRST_NORM } from './xclip.ts';

export { fromStored, toStored } from './order.ts';
export { type Meant, Names, type Stored } from './table.ts';

/** Of files that hold parameters alone. */
const NOTHING = /(?!)/;

/** All that are known. A file of CLIP's may start X-CLIP, so that its table names what it lacks, too. */
export const ORIGINS = {
  official: new Names('official names', [], CLIP_ASIDE),
  hf: new Names("names of Hugging Face's XCLIPModel", [...ADDITIONS, XCLIP_FIRST_NORM, ...TOWERS], CLIP_ASIDE),
  'hf-clip': new Names("names of Hugging Face's CLIPModel", [...ADDITIONS, CLIP_FIRST_NORM, ...TOWERS], CLIP_ASIDE),
  timm: new Names("timm's names of a Vision Transformer", TIMM, TIMM_ASIDE),
  'hf-vit': new Names("names of Hugging Face's ViTModel", huggingFaceVit(''), VIT_ASIDE),
  'hf-vit-head': new Names("names of Hugging Face's ViTForImageClassification", huggingFaceVit('vit.'), VIT_ASIDE),
  mmaction: new Names("MMAction2's names", [...MMACTION, ...MMACTION_RESNET, ...MMACTION_SWIN], MMACTION_ASIDE),
  tsm: new Names("names of TSM's authors", torchvisionResNet('base_model.', 'new_fc'), NOTHING),
  resnet: new Names("torchvision's names of a ResNet", torchvisionResNet('', 'fc'), NOTHING),
  'hf-timesformer': new Names("names of Hugging Face's TimesformerForVideoClassification, divided attention",
    TIMESFORMER_ROWS.huggingFace(true), NOTHING),
  'hf-timesformer-plain': new Names("names of Hugging Face's TimesformerForVideoClassification",
    TIMESFORMER_ROWS.huggingFace(false), NOTHING),
  timesformer: new Names("names of TimeSformer's authors, divided attention", TIMESFORMER_ROWS.authors(true), NOTHING),
  'timesformer-plain': new Names("names of TimeSformer's authors", TIMESFORMER_ROWS.authors(false), NOTHING),
} as const;
export type Origin = keyof typeof ORIGINS;

/** A name that only files of that origin have, the surest first. */
const TELLING: readonly (readonly [Origin, RegExp])[] = [
  ['hf-clip', /^vision_model\.pre_layrnorm\./],
  ['hf', /^(vision_model|text_model)\./],
  ['timm', /^(patch_embed\.proj|blocks\.\d+\.attn\.qkv)\./],
  ['hf-vit-head', /^vit\.embeddings\./],
  ['hf-vit', /^embeddings\.patch_embeddings\./],
  ['hf-timesformer', /^timesformer\..*\.temporal_dense\./],
  ['hf-timesformer-plain', /^timesformer\./],
  ['timesformer', /^model\.blocks\.\d+\.temporal_fc\./],
  ['timesformer-plain', /^model\.blocks\.\d+\./],
  ['mmaction', /^backbone\./],
  ['tsm', /^base_model\.layer1\./],
  ['resnet', /^layer1\.\d+\.conv1\./],
];

/** Which names a file uses. */
export function originOf(names: readonly string[]): Origin {
  return TELLING.find(([, telling]) => names.some((name) => telling.test(name)))?.[0] ?? 'official';
}
