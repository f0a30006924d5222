/** The origins that files come from, and how to tell by its names which one a file has. */
import { CLIP_ASIDE, CLIP_FIRST_NORM, TOWERS } from './clip.ts';
import { huggingFaceVit, TIMM, TIMM_ASIDE, VIT_ASIDE } from './imagenet_vit.ts';
import { MMACTION_RESNET, torchvisionResNet } from './resnet.ts';
import { MMACTION_SWIN, SWIN_ASIDE, SWIN_FORK, SWIN_OF_PICTURES, TIMM_SWIN, TORCHVISION_SWIN } from './swin.ts';
import { Names } from './table.ts';
import { MMACTION, TIMESFORMER_ROWS } from './timesformer.ts';
import { HUGGING_FACE_VIDEOMAE, MMACTION_VIDEOMAE, VIDEOMAE_ASIDE } from './videomae.ts';
import { ADDITIONS, XCLIP_FIRST_NORM } from './xclip.ts';

export { fromStored, type Order, toStored } from './order.ts';
export { type Meant, Names, type Stored } from './table.ts';

/** Of files that hold parameters alone. */
const NOTHING = /(?!)/;

/** What MMAction2's files hold beside: statistics of pixels, in its first versions, and what a Swin's windows tell. */
const MMACTION_ASIDE = new RegExp(`^data_preprocessor\\.|${SWIN_ASIDE.source}`);

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
  'swin-fork': new Names("names of Video Swin's authors", SWIN_FORK, SWIN_ASIDE),
  'torchvision-swin': new Names("torchvision's names of a Video Swin", TORCHVISION_SWIN, SWIN_ASIDE),
  'swin-pictures': new Names("names of Swin's authors", SWIN_OF_PICTURES, SWIN_ASIDE),
  'timm-swin': new Names("timm's names of a Swin", TIMM_SWIN, SWIN_ASIDE),
  resnet: new Names("torchvision's names of a ResNet", torchvisionResNet('', 'fc'), NOTHING),
  'hf-videomae': new Names("names of Hugging Face's VideoMAEForVideoClassification", HUGGING_FACE_VIDEOMAE, NOTHING),
  'mmaction-videomae': new Names("MMAction2's names of a VideoMAE", MMACTION_VIDEOMAE, VIDEOMAE_ASIDE),
  'hf-timesformer': new Names("names of Hugging Face's TimesformerForVideoClassification, divided attention",
    TIMESFORMER_ROWS.huggingFace(true), NOTHING),
  'hf-timesformer-plain': new Names("names of Hugging Face's TimesformerForVideoClassification",
    TIMESFORMER_ROWS.huggingFace(false), NOTHING),
  timesformer: new Names("names of TimeSformer's authors, divided attention", TIMESFORMER_ROWS.authors('model.', true),
    NOTHING),
  'timesformer-plain': new Names("names of TimeSformer's authors", TIMESFORMER_ROWS.authors('model.', false), NOTHING),
  'timesformer-bare': new Names("names of TimeSformer's authors, without `model.`, divided attention",
    TIMESFORMER_ROWS.authors('', true), NOTHING),
  'timesformer-bare-plain': new Names("names of TimeSformer's authors, without `model.`",
    TIMESFORMER_ROWS.authors('', false), NOTHING),
} as const;
export type Origin = keyof typeof ORIGINS;

/** Names that only files of that origin have, the surest first. */
const TELLING: readonly (readonly [Origin, ...RegExp[]])[] = [
  ['swin-fork', /^backbone\.layers\.3\.blocks\./, /^backbone\.patch_embed\./, /^backbone\.norm\./],
  ['timm-swin', /^layers\.3\.downsample\./, /^layers\.0\.blocks\.0\.attn\.relative_position_bias_table$/],
  ['swin-pictures', /^layers\.0\.blocks\.0\.attn\.relative_position_bias_table$/],
  ['torchvision-swin', /^features\.0\.0\.attn\.relative_position_bias_table$/],
  ['hf-videomae', /^videomae\./],
  ['mmaction-videomae', /^backbone\.blocks\.0\.attn\.q_bias$/],
  ['hf-clip', /^vision_model\.pre_layrnorm\./],
  ['hf', /^(vision_model|text_model)\./],
  ['timesformer-bare', /^blocks\.\d+\.temporal_fc\./],
  ['timesformer-bare-plain', /^time_embed$/],
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
  return TELLING.find(([, ...telling]) => telling.every((each) => names.some((name) => each.test(name))))?.[0]
    ?? 'official';
}
